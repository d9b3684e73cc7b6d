use std::io;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;

use super::log::Level;
use super::served::Served;
use super::state::Server;
use crate::app::ports::Shelf;
use crate::app::{Failure as _, Serving, with_causes};

/// How long to wait at most before looking again.
const PATIENCE: Duration = Duration::from_secs(1);

/// Notices what is published, on a thread of its own. Returns once the first look is over.
pub(super) fn start(
    server: Server,
    mut shelf: Box<dyn Shelf>,
    first_root: Vec<u8>,
) -> io::Result<oneshot::Receiver<()>> {
    let (told, looked) = oneshot::channel();
    let mut told = Some(told);
    thread::Builder::new().name("shelf".into()).spawn(move || {
        let mut trouble = None;
        while !server.stopping().is_asked() {
            let wanted = server.nudge().wanted();
            look(&server, &mut *shelf, &first_root, &mut trouble);
            server.nudge().looked(wanted);
            if let Some(told) = told.take() {
                let _ = told.send(());
            }
            match shelf.pause() {
                Some(pause) => server.nudge().wait(wanted, pause),
                None => shelf.wait(PATIENCE),
            }
        }
    })?;
    Ok(looked)
}

/// Takes over what is published, if it is new and good. What is not leaves what was: it is said once, and no client sees it.
fn look(server: &Server, shelf: &mut dyn Shelf, first_root: &[u8], trouble: &mut Option<String>) {
    let found = match shelf.look() {
        Ok(None) => return,
        Ok(Some(publication)) => Serving::verified(publication, first_root, server.environment(), server.now())
            .map_err(|error| (error.code(), with_causes(&error))),
        Err(error) => Err(("unreadable", with_causes(&error))),
    };
    match found {
        Ok(serving) => {
            let version = serving.rules.as_ref().map(|rules| rules.version);
            let (root, kills) = (serving.root_version, serving.kills);
            let next = Served::new(serving, Some(&server.served()));
            server.serve(next);
            server.metrics().published();
            let fields = [("snapshot", version.into()), ("root", root.into()), ("kills", kills.into())];
            server.log().line(Level::Info, "serving", fields);
            *trouble = None;
        }
        Err((code, message)) => {
            if trouble.as_ref() != Some(&message) {
                let fields =
                    [("code", code.into()), ("message", message.as_str().into()), ("place", shelf.place().into())];
                server.log().line(Level::Error, "not_served", fields);
                server.metrics().refused_publication();
            }
            *trouble = Some(message);
        }
    }
}
