//! Works out what there is to alert of, and sends it, on threads of its own: a receiver that does not answer holds up nothing else, and no
//! other receiver.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, thread};

use flag_core::Timestamp;

use super::desk::Opened;
use super::log::Level;
use super::state::Server;
use crate::adapters::{AlertReach, AlertSecrets, HttpAlertSender, OpenOutbox};
use crate::app::ports::{LogError, Outbox, OutboxOutcome, Outgoing};
use crate::app::{Alert, Delivered, Sink, Tried, claim, fill_outbox, settle, try_to_deliver, with_causes};

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(500);
/// How many pauses there are before the settings are read anew.
const SETTINGS_EVERY: u32 = 10;

/// What was found at the desk.
struct Found {
    alerts: Vec<Alert>,
    sinks: BTreeMap<String, Sink>,
    secrets: AlertSecrets,
    open: OpenOutbox,
}

/// What was tried, and what became of it.
type Told = (Outgoing, Tried);

/// Sends alerts: to each sink one after the other, to all sinks at once.
struct Postman {
    server: Server,
    reach: AlertReach,
    outbox: Option<Box<dyn Outbox>>,
    /// Who is on the way to which sink.
    away: BTreeMap<String, JoinHandle<()>>,
    tell: Sender<Told>,
    told: Receiver<Told>,
}

/// Looks and sends until the server stops. Several servers may do so at once: each alert is claimed by one of them.
pub(super) fn start(server: Server, reach: AlertReach) -> io::Result<()> {
    thread::Builder::new().name("alerts".into()).spawn(move || {
        let (tell, told) = mpsc::channel();
        let mut postman = Postman { server, reach, outbox: None, away: BTreeMap::new(), tell, told };
        let mut trouble = None;
        let mut rounds = 0_u32;
        while !postman.server.stopping().is_asked() {
            let reads = rounds.is_multiple_of(SETTINGS_EVERY);
            rounds = rounds.wrapping_add(1);
            let message = postman.round(reads).err();
            if message.is_some() {
                postman.outbox = None;
                thread::sleep(PAUSE);
            }
            if message.is_some() && message != trouble {
                let fields = [("message", message.clone().into())];
                postman.server.log().line(Level::Error, "alerts_stuck", fields);
            }
            trouble = message;
        }
    })?;
    Ok(())
}

impl Postman {
    /// Looks once for what is to be told, and sends it for as long as until the next look.
    fn round(&mut self, reads: bool) -> Result<(), String> {
        let found = self.server.desk().ask_and_wait(move |opened| find(opened, reads));
        let found = found.map_err(|error| with_causes(&error))??;
        let next = now() + PAUSE;
        let failed = |error: LogError| with_causes(&error);
        if found.sinks.is_empty() {
            thread::sleep(PAUSE);
            return Ok(());
        }
        if self.outbox.is_none() {
            self.outbox = Some(found.open.open().map_err(failed)?);
        }
        let Some(outbox) = &mut self.outbox else { return Ok(()) };
        fill_outbox(&found.alerts, &found.sinks, &mut **outbox).map_err(failed)?;
        if reads {
            self.give_up_on_removed(&found.sinks).map_err(failed)?;
        }
        // Whoever did not come back told nothing; what they carried is due again after a while.
        self.away.retain(|_, postman| !postman.is_finished());
        for (name, sink) in &found.sinks {
            self.send(name, sink, &found.secrets).map_err(failed)?;
        }
        while let Ok((outgoing, tried)) = self.told.recv_timeout(next.saturating_duration_since(now())) {
            let name = outgoing.sink.clone();
            self.away.remove(&name);
            self.settle(outgoing, tried).map_err(failed)?;
            if let Some(sink) = found.sinks.get(&name) {
                self.send(&name, sink, &found.secrets).map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Sends what is due for a sink, unless somebody is on the way there.
    fn send(&mut self, name: &str, sink: &Sink, secrets: &AlertSecrets) -> Result<(), LogError> {
        let Some(outbox) = self.outbox.as_mut().filter(|_| !self.away.contains_key(name)) else { return Ok(()) };
        let at = self.server.now();
        let Some(outgoing) = claim(&mut **outbox, Some(name), at)? else { return Ok(()) };
        let (sink, secrets, tell) = (sink.clone(), secrets.secrets(name).unwrap_or_default(), self.tell.clone());
        let (reach, server) = (self.reach, self.server.clone());
        let carry = move || {
            let log = move |alert: &str, body: &str| {
                server.log().line(Level::Warn, "alert", [("alert", alert.into()), ("body", body.into())]);
            };
            let Ok(mut sender) = HttpAlertSender::new(reach, Box::new(log)) else { return };
            let tried = try_to_deliver(Some(&sink), &outgoing, &secrets, &mut sender, at);
            // Nobody hears it where the server ends: then it is due again.
            let _ = tell.send((outgoing, tried));
        };
        // Where the system gives no thread, the alert is due again after a while.
        if let Ok(postman) = thread::Builder::new().name("alert".into()).spawn(carry) {
            self.away.insert(name.to_owned(), postman);
        }
        Ok(())
    }

    fn settle(&mut self, outgoing: Outgoing, tried: Tried) -> Result<(), LogError> {
        let Some(outbox) = &mut self.outbox else { return Ok(()) };
        let delivered = settle(&mut **outbox, outgoing, tried)?;
        tell(&self.server, &delivered);
        Ok(())
    }

    /// Gives up what waits for sinks that are there no more.
    fn give_up_on_removed(&mut self, sinks: &BTreeMap<String, Sink>) -> Result<(), LogError> {
        let Some(outbox) = &mut self.outbox else { return Ok(()) };
        let known = outbox.tallies()?;
        for name in known.keys().filter(|name| !sinks.contains_key(*name)) {
            let now = self.server.now();
            while let Some(outbox) = &mut self.outbox
                && let Some(outgoing) = claim(&mut **outbox, Some(name), now)?
            {
                self.settle(outgoing, (OutboxOutcome::GivenUp, Some("the sink was removed".to_owned())))?;
            }
        }
        Ok(())
    }
}

fn find(opened: &mut Opened, reads: bool) -> Result<Found, String> {
    if reads {
        // Where alerts go, and where sources are, may have been changed.
        opened.folder.reread().map_err(|error| with_causes(&error))?;
    }
    let sinks = opened.folder.settings().alerts.clone();
    let from =
        sinks.values().map(|sink| sink.since.unwrap_or_default()).min().unwrap_or(Timestamp::from_millis(i64::MAX));
    let alerts = if sinks.is_empty() { Vec::new() } else { opened.project.alerts(from) };
    Ok(Found { alerts, sinks, secrets: opened.folder.alert_secrets(), open: opened.folder.open_outbox() })
}

fn tell(server: &Server, delivered: &Delivered) {
    let Delivered { sink, alert, arrived, why } = delivered;
    let (level, event) = if *arrived { (Level::Info, "alert_arrived") } else { (Level::Warn, "alert_not_arrived") };
    let fields = [("sink", sink.as_str().into()), ("alert", alert.as_str().into()), ("why", why.clone().into())];
    server.log().line(level, event, fields);
}

#[expect(clippy::disallowed_methods, reason = "a pause is measured, and nothing is decided by the time of day")]
fn now() -> Instant {
    Instant::now()
}
