use std::collections::BTreeMap;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::arguments::DryRunArguments;
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Meaning, SAY_YES, Terminal};
use crate::adapters::{AlertReach, HttpAlertSender, ProjectFolder, SystemClock, SystemRandomness, check_alert_address};
use crate::app::ports::{Clock as _, LogError, OutboxTally, Randomness as _};
use crate::app::{Alert, AppError, Delivered, Due, Sink, SinkKind, WebhookSecret, deliver_due, due_now, fill_outbox};

#[derive(Debug, Subcommand)]
pub(super) enum AlertCommand {
    /// List where alerts go, and how they fare
    #[command(after_help = "Example:\n  flag-admin alert list --json | jq '.[] | select(.waiting > 0)'")]
    List,
    /// Let alerts go to another place, or change it; a webhook's secret is shown once
    #[command(
        after_help = "Examples:\n  flag-admin alert add oncall webhook https://hooks.example/flags\n  flag-admin alert add team slack https://hooks.slack.com/services/... --events kill.activated,kill.overdue\n  flag-admin alert add journal log\n  flag-admin alert add oncall webhook https://hooks.example/flags --rotate\n\nKinds of alerts: kill.activated, kill.overdue, kill.lifted, rollout.paused, rollout.rolled_back,\nrollout.rollback_failed, rollout.held, rollout.completed."
    )]
    Add(AddArguments),
    /// Let alerts go to a place no more
    #[command(after_help = "Example:\n  flag-admin alert remove oncall")]
    Remove {
        /// Its name
        name: String,
        #[command(flatten)]
        how: DryRunArguments,
    },
    /// Send a test to a place, and say what became of it
    #[command(after_help = "Example:\n  flag-admin alert test oncall")]
    Test {
        /// Its name
        name: String,
        #[command(flatten)]
        reach: ReachArguments,
    },
    /// Send what is due, once: for a timer where no server runs
    #[command(after_help = "Example:\n  flag-admin alert deliver")]
    Deliver {
        #[command(flatten)]
        reach: ReachArguments,
        #[command(flatten)]
        how: DryRunArguments,
    },
}

/// How a place is spoken to.
#[derive(Copy, Clone, Debug, PartialEq, Eq, ValueEnum)]
enum KindArgument {
    /// As Standard Webhooks has it, signed
    Webhook,
    /// As Slack and what speaks like it takes
    Slack,
    /// A line of the server's log
    Log,
}

#[derive(Debug, Args)]
pub(super) struct AddArguments {
    /// Its name
    name: String,
    /// How it is spoken to
    kind: KindArgument,
    /// Its address: https, on the public network
    #[arg(required_if_eq_any = [("kind", "webhook"), ("kind", "slack")])]
    url: Option<String>,
    /// The kinds of alerts that it gets [default: all]
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    events: Vec<String>,
    /// A port besides 443 that the address may have
    #[arg(long = "allow-port", value_name = "PORT")]
    allow_ports: Vec<u16>,
    /// Sign with another secret, too; the one before it goes on counting until the next time
    #[arg(long)]
    rotate: bool,
    #[command(flatten)]
    how: DryRunArguments,
}

#[derive(Debug, Args)]
pub(super) struct ReachArguments {
    /// Allow addresses of this machine and http, to try things out
    #[arg(long)]
    allow_loopback: bool,
}

impl ReachArguments {
    const fn reach(&self) -> AlertReach {
        if self.allow_loopback { AlertReach::Loopback } else { AlertReach::Public }
    }
}

/// A place that alerts go to, in a list.
#[derive(Serialize)]
struct Line<'s> {
    name: &'s str,
    #[serde(flatten)]
    sink: Shown<'s>,
    #[serde(flatten)]
    tally: OutboxTally,
}

/// A place without what is secret of it.
#[derive(Serialize)]
struct Shown<'s> {
    kind: SinkKind,
    host: Option<String>,
    events: &'s [String],
}

impl<'s> Shown<'s> {
    /// The path of an address is often all that protects it.
    fn of(sink: &'s Sink) -> Self {
        let host = sink.url.as_deref().and_then(|url| url.split('/').nth(2)).map(str::to_owned);
        Self { kind: sink.kind, host, events: &sink.events }
    }
}

const KINDS: [&str; 8] = [
    "kill.activated",
    "kill.overdue",
    "kill.lifted",
    "rollout.paused",
    "rollout.rolled_back",
    "rollout.rollback_failed",
    "rollout.held",
    "rollout.completed",
];

/// Carries out a command on alerts.
pub(super) fn run(session: &Session, terminal: &mut Terminal<'_>, command: AlertCommand) -> Result<(), Stop> {
    match command {
        AlertCommand::List => list(session, terminal),
        AlertCommand::Add(arguments) => add(session, terminal, arguments),
        AlertCommand::Remove { name, how } => remove(session, terminal, &name, how),
        AlertCommand::Test { name, reach } => test(session, terminal, &name, reach.reach()),
        AlertCommand::Deliver { how: DryRunArguments { dry_run: true }, .. } => would_deliver(session, terminal),
        AlertCommand::Deliver { reach, .. } => deliver(session, terminal, reach.reach()),
    }
}

fn list(session: &Session, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let folder = session.folder()?;
    let mut tallies = folder.outbox().and_then(|outbox| outbox.tallies()).map_err(AppError::from)?;
    let sinks = &folder.settings().alerts;
    let lines: Vec<Line<'_>> = sinks
        .iter()
        .map(|(name, sink)| Line { name, sink: Shown::of(sink), tally: tallies.remove(name).unwrap_or_default() })
        .collect();
    if terminal.form() == Form::Json {
        return terminal.json(&lines);
    }
    if lines.is_empty() {
        return terminal.line("alerts go nowhere; say where: flag-admin alert add NAME webhook URL");
    }
    let mut rows = vec![["NAME", "KIND", "HOST", "ARRIVED", "WAIT", "GIVEN UP", "TROUBLE"].map(str::to_owned).to_vec()];
    for Line { name, sink, tally } in &lines {
        let kind = match sink.kind {
            SinkKind::Webhook => "webhook",
            SinkKind::Slack => "slack",
            SinkKind::Log => "log",
        };
        let trouble = tally.trouble.as_deref().unwrap_or("-");
        rows.push(vec![
            terminal.paint(Meaning::Name, name),
            kind.to_owned(),
            sink.host.clone().unwrap_or_else(|| "-".to_owned()),
            tally.arrived.to_string(),
            tally.waiting.to_string(),
            tally.given_up.to_string(),
            if tally.gone { terminal.paint(Meaning::Loss, trouble) } else { trouble.to_owned() },
        ]);
    }
    terminal.table(&rows)
}

fn add(session: &Session, terminal: &mut Terminal<'_>, arguments: AddArguments) -> Result<(), Stop> {
    let AddArguments { name, kind, url, events, allow_ports, rotate, how } = arguments;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if name.is_empty() || name.len() > 64 || !name.chars().all(is_plain) {
        let message = format!("{name:?} is no name of a place, expected 1 to 64 characters of [A-Za-z0-9_-]");
        return Err(Stop::problem("bad_name", message, None));
    }
    if let Some(unknown) = events.iter().find(|event| !KINDS.contains(&event.as_str())) {
        let message = format!("{unknown:?} is no kind of alert");
        return Err(Stop::problem("bad_event", message, Some(&format!("they are: {}", KINDS.join(", ")))));
    }
    if let Some(Err(error)) = url.as_deref().map(check_alert_address) {
        let hint = Some("name one that begins with https://");
        return Err(Stop::problem("bad_address", crate::app::with_causes(&error), hint));
    }
    let folder = session.folder()?;
    let kind = match kind {
        KindArgument::Webhook => SinkKind::Webhook,
        KindArgument::Slack => SinkKind::Slack,
        KindArgument::Log => SinkKind::Log,
    };
    let known = folder.settings().alerts.get(&name);
    let since = known.and_then(|known| known.since).or_else(|| Some(SystemClock.now()));
    if how.dry_run {
        if terminal.form() == Form::Json {
            return terminal.json(&serde_json::json!({ "name": name, "kind": kind, "secret": null, "dry_run": true }));
        }
        return terminal.line(format_args!("alerts would go to {name}, not changed"));
    }
    let secrets = folder.alert_secrets();
    let failed =
        |error: std::io::Error| Stop::problem("file", format!("the secret of {name} cannot be kept: {error}"), None);
    let mut kept = secrets.secrets(&name).map_err(failed)?;
    let mut shown = None;
    if kind == SinkKind::Webhook && (kept.is_empty() || rotate) {
        let secret = drawn()?;
        shown = Some(secret.expose());
        kept.insert(0, secret);
        kept.truncate(2);
        secrets.keep(&name, &kept).map_err(failed)?;
    }
    folder.set_sink(&name, Some(&Sink { kind, url, events, since, allow_ports }))?;
    // A receiver that once wanted no more is asked anew.
    if known.is_some() {
        folder.outbox().and_then(|mut outbox| outbox.revive(&name)).map_err(AppError::from)?;
    }
    if terminal.form() == Form::Json {
        return terminal.json(&serde_json::json!({ "name": name, "kind": kind, "secret": shown.as_deref() }));
    }
    terminal.line(format_args!("alerts go to {name} from now on; try it: flag-admin alert test {name}"))?;
    match shown {
        None => Ok(()),
        Some(secret) => {
            terminal.line(secret.as_str())?;
            terminal.line("this is the only time that the secret is shown; give it to the receiver")
        }
    }
}

fn drawn() -> Result<WebhookSecret, Stop> {
    let mut bytes = zeroize::Zeroizing::new([0_u8; 32]);
    let (first, second) = bytes.split_at_mut(16);
    for half in [first, second] {
        half.copy_from_slice(&SystemRandomness.draw().map_err(AppError::from)?);
    }
    WebhookSecret::from_bytes(&*bytes).map_err(|error| Stop::problem("no_randomness", error.to_string(), None))
}

fn sink<'f>(folder: &'f ProjectFolder, name: &str) -> Result<&'f Sink, Stop> {
    folder.settings().alerts.get(name).ok_or_else(|| {
        let message = format!("alerts go to no {name:?}");
        Stop::problem("unknown_sink", message, Some("see where they go: flag-admin alert list"))
    })
}

fn remove(session: &Session, terminal: &mut Terminal<'_>, name: &str, how: DryRunArguments) -> Result<(), Stop> {
    let folder = session.folder()?;
    sink(&folder, name)?;
    if how.dry_run {
        if terminal.form() == Form::Json {
            return terminal.json(&serde_json::json!({ "removed": null, "dry_run": true }));
        }
        return terminal.line(format_args!("alerts would go to {name} no more, not changed"));
    }
    terminal.confirm(&format!("Let alerts go to {name} no more?"), SAY_YES)?;
    folder.set_sink(name, None)?;
    folder.outbox().and_then(|mut outbox| outbox.forget(name)).map_err(AppError::from)?;
    let forgotten = folder.alert_secrets().forget(name);
    forgotten
        .map_err(|error| Stop::problem("file", format!("the secret of {name} cannot be removed: {error}"), None))?;
    if terminal.form() == Form::Json {
        return terminal.json(&serde_json::json!({ "removed": name }));
    }
    terminal.line(format_args!("alerts go to {name} no more"))
}

fn sender(reach: AlertReach) -> Result<HttpAlertSender, Stop> {
    let failed = |error: std::io::Error| Stop::problem("no_threads", format!("nothing can be sent: {error}"), None);
    // Where no server runs there is no log of one, and what goes to it stands on standard error.
    let log = |alert: &str, body: &str| {
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "{alert}: {body}");
    };
    HttpAlertSender::new(reach, Box::new(log)).map_err(failed)
}

fn sent(folder: &ProjectFolder, sinks: &BTreeMap<String, Sink>, reach: AlertReach) -> Result<Vec<Delivered>, Stop> {
    let secrets = folder.alert_secrets();
    let of = |name: &str| secrets.secrets(name).unwrap_or_default();
    let mut outbox = folder.outbox().map_err(AppError::from)?;
    let done = deliver_due(&mut *outbox, sinks, &of, &mut sender(reach)?, &|| SystemClock.now());
    Ok(done.map_err(|error: LogError| AppError::from(error))?)
}

fn test(session: &Session, terminal: &mut Terminal<'_>, name: &str, reach: AlertReach) -> Result<(), Stop> {
    let opened = session.open_logged()?;
    let sinks = BTreeMap::from([(name.to_owned(), sink(&opened.folder, name)?.clone())]);
    let drawn = SystemRandomness.draw().map_err(AppError::from)?;
    let nonce = drawn.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    let alert = Alert::test(&opened.project, &nonce);
    let mut outbox = opened.folder.outbox().map_err(AppError::from)?;
    fill_outbox(std::slice::from_ref(&alert), &sinks, &mut *outbox).map_err(AppError::from)?;
    // What waits for other places is sent, too: a test must not take it and drop it.
    let done = sent(&opened.folder, &opened.folder.settings().alerts, reach)?;
    let Some(delivered) = done.iter().find(|delivered| delivered.alert == alert.id) else {
        return Err(Stop::problem(
            "not_sent",
            format!("{name} wants no alerts any more, since it answered 410"),
            Some("let alerts go there anew: flag-admin alert add"),
        ));
    };
    if !delivered.arrived {
        let why = delivered.why.clone().unwrap_or_default();
        return Err(Stop::problem("not_sent", format!("the test did not arrive at {name}: {why}"), None));
    }
    if terminal.form() == Form::Json {
        return terminal.json(delivered);
    }
    terminal.line(format_args!("the test arrived at {name}"))
}

/// Tells what is due, and sends nothing.
fn would_deliver(session: &Session, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let opened = session.open_logged()?;
    let alerts = opened.project.alerts(flag_core::Timestamp::from_millis(0));
    let outbox = opened.folder.outbox().map_err(AppError::from)?;
    let due = due_now(&alerts, &opened.folder.settings().alerts, &*outbox, SystemClock.now());
    let due = due.map_err(AppError::from)?;
    if terminal.form() == Form::Json {
        return terminal.json(&due);
    }
    if due.is_empty() {
        return terminal.line("nothing is due");
    }
    due.iter().try_for_each(|Due { sink, alert }| terminal.line(format_args!("{sink}: {alert}: would be sent")))
}

fn deliver(session: &Session, terminal: &mut Terminal<'_>, reach: AlertReach) -> Result<(), Stop> {
    let opened = session.open_logged()?;
    let sinks = &opened.folder.settings().alerts;
    let alerts = opened.project.alerts(flag_core::Timestamp::from_millis(0));
    let mut outbox = opened.folder.outbox().map_err(AppError::from)?;
    fill_outbox(&alerts, sinks, &mut *outbox).map_err(AppError::from)?;
    let done = sent(&opened.folder, sinks, reach)?;
    if terminal.form() == Form::Json {
        return terminal.json(&done);
    }
    if done.is_empty() {
        return terminal.line("nothing is due");
    }
    done.iter().try_for_each(|Delivered { sink, alert, arrived, why }| {
        let what = if *arrived { "arrived".to_owned() } else { why.clone().unwrap_or_default() };
        terminal.line(format_args!("{sink}: {alert}: {what}"))
    })
}
