use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, Terminal};
use crate::adapters::{AlertReach, FolderShelf, GivenPassphrase, PublishTarget};
use crate::app::ports::Shelf;
use crate::app::{AppError, Instruments, Refreshed, Ticked, with_causes};
use crate::log::EnvironmentName;
use crate::server::{self, Answers, Bound, Bounds, Duty, DutyDone, Leading, Opened, Setup, TlsFiles, Work};

/// The port where nobody says another.
const PORT: u16 = 8080;

/// How many evaluations one address may ask for a second where nobody says otherwise: a busy service's, and no flood.
const EVALUATIONS_PER_SECOND: u32 = 5_000;
/// How many reports one address may send a second unless somebody says otherwise.
const REPORTS_PER_SECOND: u32 = 20;

/// The project's own store.
const OWN: &str = "store://";

/// How often it is looked whether the snapshot is to be signed anew.
const SIGNING_PAUSE: Duration = Duration::from_secs(60);

/// How often it is decided what becomes of rollouts. Reports come once a day; kills and signals should not wait.
const ROLLOUT_PAUSE: Duration = Duration::from_secs(15);

#[derive(Debug, Args)]
pub(super) struct ServeArguments {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "ADDRESS", default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), PORT))]
    listen: SocketAddr,
    /// The folder to serve, as `publish --to` fills it [default: where the environment was published to last, else the project's own store]
    #[arg(long, value_name = "DIR")]
    public: Option<PathBuf>,
    /// The certificate and those that vouch for it, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Listen without encryption on an address that other machines reach, as behind a proxy that encrypts
    #[arg(long)]
    insecure_http: bool,
    /// How many evaluations one address may ask for a second, and ten times as many at once; 0 is as many as it likes, as behind a proxy
    #[arg(long, value_name = "NUMBER", default_value_t = EVALUATIONS_PER_SECOND)]
    evaluations_per_second: u32,
    /// How many reports one address may send a second, and fifty times as many at once; 0 is as many as it likes, as behind a proxy
    #[arg(long, value_name = "NUMBER", default_value_t = REPORTS_PER_SECOND)]
    reports_per_second: u32,
    /// Evaluate only for those who present a token that allows read-eval, as Authorization: Bearer or X-API-Key
    #[arg(long)]
    evaluate_for_tokens: bool,
    /// Let alerts go to this machine, also by http, to try things out
    #[arg(long)]
    alerts_to_loopback: bool,
}

/// What is said on standard output once connections are accepted.
#[derive(Serialize)]
struct Serving<'b> {
    #[serde(flatten)]
    bound: &'b Bound,
    environment: &'b EnvironmentName,
    place: &'b str,
}

/// Serves a project until the process is asked to stop.
pub(super) fn serve(session: &Session, terminal: &mut Terminal<'_>, arguments: &ServeArguments) -> Result<(), Stop> {
    let tls = arguments.tls_cert.clone().zip(arguments.tls_key.clone());
    let tls = tls.map(|(certificate, key)| TlsFiles { certificate, key });
    check_reach(arguments, tls.is_some())?;
    let folder = session.folder()?;
    let environment = session.named_environment().unwrap_or(&folder.settings().environment).clone();
    let target = place(arguments, folder.remembered_target(&environment))?;
    let shelf: Box<dyn Shelf> = match &target {
        PublishTarget::Folder(folder) => Box::new(FolderShelf::new(folder)),
        _ => Box::new(folder.documents(&environment)),
    };
    let public = PathBuf::from(target.to_remember());
    let whoami = format!("process {} at {}", std::process::id(), arguments.listen);
    // Held until the server ends.
    let _lock = folder.serve_lock(&whoami)?;
    let operator = session.operator(folder.settings().actor.as_ref())?;
    let passphrase = session.sitting().beforehand()?;
    let (path, store, opened_for) = (folder.path().to_owned(), session.store(), environment.clone());
    let duties = vec![signing_anew(public.clone()), rolling_out(public.clone())];
    let open = move || {
        let given = Rc::new(GivenPassphrase(passphrase.clone()));
        let folder = crate::adapters::ProjectFolder::find(&path)?.with_store(store.clone()).with_passphrases(given);
        let project = folder.open(operator.clone())?;
        Ok(Opened { folder, project, environment: opened_for.clone(), public: public.clone() })
    };
    let alert_reach = if arguments.alerts_to_loopback { AlertReach::Loopback } else { AlertReach::Public };
    let (place, served) = (shelf.place(), environment.clone());
    let leading = Leading { lease: folder.lease(), duties };
    let cells = Box::new(folder.cells());
    let bounds = Bounds {
        evaluations_per_second: NonZeroU32::new(arguments.evaluations_per_second),
        reports_per_second: NonZeroU32::new(arguments.reports_per_second),
        evaluates_for_tokens: arguments.evaluate_for_tokens,
    };
    let (listen, open) = (arguments.listen, Box::new(open));
    let setup = Setup { listen, tls, open, cells, shelf, leading, environment, bounds, alert_reach };
    let mut said = Ok(());
    server::run(setup, |bound| said = say(terminal, bound, &served, &place))?;
    said
}

/// Signs the snapshot anew before clients call it stale. What it says stays as it is.
fn signing_anew(place: PathBuf) -> Duty {
    let work = move |opened: &mut Opened| {
        let failed = |error: AppError| with_causes(&error);
        if opened.project.environment(&opened.environment).is_ok_and(|state| state.published.is_none()) {
            return Ok(DutyDone::Nothing);
        }
        let mut publisher =
            opened.folder.publisher(&opened.environment, &place).map_err(|error| failed(error.into()))?;
        match opened.project.refresh_published(&opened.environment, &mut publisher, None).map_err(failed)? {
            Refreshed::NotDue { .. } => Ok(DutyDone::Nothing),
            Refreshed::Published(signed) => Ok(DutyDone::Something(format!("snapshot {}", signed.version))),
        }
    };
    Duty { name: "sign_anew", every: SIGNING_PAUSE, work: Work::Alone(Arc::new(work)) }
}

/// Decides what becomes of rollouts, and publishes what moved.
fn rolling_out(place: PathBuf) -> Duty {
    let work = move |opened: &mut Opened, answers: &Answers| {
        let failed = |error: AppError| with_causes(&error);
        let is_idle = opened.project.environment(&opened.environment).is_ok_and(|state| state.rollouts.is_empty());
        if is_idle {
            return Ok(DutyDone::Nothing);
        }
        let cells = opened.folder.cells()().map_err(|error| with_causes(&error))?;
        let instruments = Instruments { cells: &*cells, sources: answers };
        let ticked = opened.project.tick_rollouts(&opened.environment, &instruments).map_err(failed)?;
        let news: Vec<String> = ticked.iter().filter(|ticked| ticked.recorded).map(ticked_words).collect();
        if ticked.iter().any(Ticked::is_to_be_published) {
            let mut publisher =
                opened.folder.publisher(&opened.environment, &place).map_err(|error| failed(error.into()))?;
            opened.project.publish(&opened.environment, &mut publisher).map_err(failed)?;
        }
        Ok(if news.is_empty() { DutyDone::Nothing } else { DutyDone::Something(news.join("; ")) })
    };
    Duty { name: "roll_out", every: ROLLOUT_PAUSE, work: Work::WithAnswers(Arc::new(work)) }
}

/// Says what became of a rollout, for the server's log.
fn ticked_words(ticked: &Ticked) -> String {
    format!("{} at {}, {}", ticked.flag, ticked.after.share, ticked.after.phase)
}

/// Refuses to let other machines in without encryption, unless somebody said so.
fn check_reach(arguments: &ServeArguments, is_encrypted: bool) -> Result<(), Stop> {
    if arguments.listen.ip().is_loopback() || is_encrypted || arguments.insecure_http {
        return Ok(());
    }
    Err(Stop::problem(
        "not_encrypted",
        format!("{} is an address that other machines reach, and connections would not be encrypted", arguments.listen),
        Some("give --tls-cert FILE and --tls-key FILE, or say --insecure-http where a proxy encrypts"),
    ))
}

/// Returns where what is served is published: the folder that is named, or where the environment was published to last, or the project's
/// own store.
fn place(arguments: &ServeArguments, remembered: Option<PathBuf>) -> Result<PublishTarget, Stop> {
    let place = arguments.public.clone().or(remembered).unwrap_or_else(|| PathBuf::from(OWN));
    match PublishTarget::parse(&place) {
        Ok(PublishTarget::Store(address)) => Err(Stop::problem(
            "not_a_folder",
            format!("clients fetch from {address} itself, so there is nothing to serve"),
            Some("to serve it all the same, publish to the project's own store: flag-admin publish --to store://"),
        )),
        Ok(target) => Ok(target),
        Err(error) => Err(Stop::problem("bad_target", error.to_string(), None)),
    }
}

fn say(terminal: &mut Terminal<'_>, bound: &Bound, environment: &EnvironmentName, place: &str) -> Result<(), Stop> {
    if terminal.form() == Form::Json {
        terminal.json(&Serving { bound, environment, place })?;
    } else {
        terminal.line(format_args!("serving {environment} of {place} at {}", bound.url))?;
    }
    terminal.flush()
}
