//! Works out what there is to alert of, and sends it, on a thread of its own: a receiver that does not answer holds up nothing else.

use std::collections::BTreeMap;
use std::time::Duration;
use std::{io, thread};

use flag_core::Timestamp;

use super::desk::Opened;
use super::log::Level;
use super::state::Server;
use crate::adapters::{AlertReach, AlertSecrets, HttpAlertSender};
use crate::app::ports::{LogError, Outbox};
use crate::app::{Alert, Delivered, Sink, deliver_due, fill_outbox, with_causes};

/// How long to wait before looking again.
const PAUSE: Duration = Duration::from_millis(500);
/// How many pauses there are before the settings are read anew.
const SETTINGS_EVERY: u32 = 10;

/// What was found at the desk.
struct Found {
    alerts: Vec<Alert>,
    sinks: BTreeMap<String, Sink>,
    secrets: AlertSecrets,
}

/// Looks and sends until the server stops. Several servers may do so at once: each alert is claimed by one of them.
pub(super) fn start(server: Server, reach: AlertReach) -> io::Result<()> {
    let told = server.clone();
    let log = move |alert: &str, body: &str| {
        told.log().line(Level::Warn, "alert", [("alert", alert.into()), ("body", body.into())]);
    };
    let mut sender = HttpAlertSender::new(reach, Box::new(log))?;
    thread::Builder::new().name("alerts".into()).spawn(move || {
        let mut outbox: Option<SendOutbox> = None;
        let mut trouble = None;
        let mut rounds = 0_u32;
        while !server.stopping().is_asked() {
            let reads = rounds.is_multiple_of(SETTINGS_EVERY);
            rounds = rounds.wrapping_add(1);
            let message = match round(&server, &mut outbox, &mut sender, reads) {
                Ok(done) => {
                    for delivered in &done {
                        tell(&server, delivered);
                    }
                    None
                }
                Err(message) => {
                    outbox = None;
                    Some(message)
                }
            };
            if message.is_some() && message != trouble {
                server.log().line(Level::Error, "alerts_stuck", [("message", message.clone().into())]);
            }
            trouble = message;
            thread::sleep(PAUSE);
        }
    })?;
    Ok(())
}

type SendOutbox = Box<dyn Outbox>;

fn round(
    server: &Server,
    outbox: &mut Option<SendOutbox>,
    sender: &mut HttpAlertSender,
    reads: bool,
) -> Result<Vec<Delivered>, String> {
    let found =
        server.desk().ask_and_wait(move |opened| find(opened, reads)).map_err(|error| with_causes(&error))??;
    let Found { alerts, sinks, secrets } = found.0;
    if sinks.is_empty() {
        return Ok(Vec::new());
    }
    let failed = |error: LogError| with_causes(&error);
    if outbox.is_none() {
        *outbox = Some(found.1.open().map_err(failed)?);
    }
    let Some(outbox) = outbox else { return Ok(Vec::new()) };
    fill_outbox(&alerts, &sinks, &mut **outbox).map_err(failed)?;
    let secrets = |name: &str| secrets.secrets(name).unwrap_or_default();
    deliver_due(&mut **outbox, &sinks, &secrets, sender, &|| server.now()).map_err(failed)
}

fn find(opened: &mut Opened, reads: bool) -> Result<(Found, crate::adapters::OpenOutbox), String> {
    if reads {
        // Where alerts go may have been changed by a command.
        opened.folder.reread().map_err(|error| with_causes(&error))?;
    }
    let sinks = opened.folder.settings().alerts.clone();
    let from =
        sinks.values().map(|sink| sink.since.unwrap_or_default()).min().unwrap_or(Timestamp::from_millis(i64::MAX));
    let alerts = if sinks.is_empty() { Vec::new() } else { opened.project.alerts(from) };
    Ok((Found { alerts, sinks, secrets: opened.folder.alert_secrets() }, opened.folder.open_outbox()))
}

fn tell(server: &Server, delivered: &Delivered) {
    let Delivered { sink, alert, arrived, why } = delivered;
    let (level, event) = if *arrived { (Level::Info, "alert_arrived") } else { (Level::Warn, "alert_not_arrived") };
    let fields = [("sink", sink.as_str().into()), ("alert", alert.as_str().into()), ("why", why.clone().into())];
    server.log().line(level, event, fields);
}
