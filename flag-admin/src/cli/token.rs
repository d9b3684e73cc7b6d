use std::collections::BTreeSet;

use clap::{Args, Subcommand};
use flag_core::Timestamp;
use serde::Serialize;

use super::arguments::ChangeArguments;
use super::change::{Extent, carry_out, unseen};
use super::plan_text;
use super::problem::Stop;
use super::session::Session;
use super::terminal::{Form, LOOK_FIRST, Meaning, Terminal};
use crate::app::{AppError, Committed, NewToken, Project, TokenRequest, TokenRole, Verdict};
use crate::log::{Actor, EnvironmentName, Grant, Role, TokenId, Verb};

const MILLIS_PER_DAY: i64 = 86_400_000;

#[derive(Debug, Subcommand)]
pub(super) enum TokenCommand {
    /// Issue a token, and show it once
    #[command(
        after_help = "Examples:\n  flag-admin token new ci --can read-config,write-flag --in staging --expires 30d\n  flag-admin token new oncall --can kill --reason \"pager\"\n  flag-admin token new website --role reader --expires never --json | jq -r .secret\n\nUse it as: Authorization: Bearer TOKEN, or in FLAG_ADMIN_TOKEN with --server."
    )]
    New(NewArguments),
    /// List the tokens, with when each was last used
    #[command(after_help = "Example:\n  flag-admin token list --json | jq '.[] | select(.expired)'")]
    List,
    /// Revoke a token: it is refused from then on, everywhere
    #[command(
        after_help = "Examples:\n  flag-admin token revoke 0Wq3xYbT9LmZ --reason \"laptop lost\"\n  flag-admin token revoke flagadmin_lead_0Wq3xYbT9LmZ_... --yes"
    )]
    Revoke {
        /// Its id, or the whole token
        token: String,
        #[command(flatten)]
        change: ChangeArguments,
    },
}

#[derive(Debug, Args)]
pub(super) struct NewArguments {
    /// As whom its bearer acts: a member, where members are declared
    holder: Actor,
    /// The holder's role, or reader for one that only reads [default: that of the member, else reader]
    #[arg(long, value_name = "ROLE", value_parser = parse_role)]
    role: Option<TokenRole>,
    /// What it allows: read-eval, read-config, write-flag, kill, publish, admin [default: what the role is for]
    #[arg(long = "can", value_name = "VERBS", value_delimiter = ',')]
    verbs: Vec<Verb>,
    /// The environments that it is good for [default: all]
    #[arg(long = "in", value_name = "NAMES", value_delimiter = ',')]
    environments: Vec<EnvironmentName>,
    /// When it expires: such as 90d, a time, or never
    #[arg(long, value_name = "SPAN|TIME", default_value = "90d")]
    expires: Expiry,
    #[command(flatten)]
    change: ChangeArguments,
}

/// When a token expires.
#[derive(Copy, Clone, Debug)]
enum Expiry {
    Never,
    AfterDays(u16),
    At(Timestamp),
}

impl std::str::FromStr for Expiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "never" {
            return Ok(Self::Never);
        }
        if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse().ok()) {
            return Ok(Self::AfterDays(days));
        }
        text.parse()
            .map(Self::At)
            .map_err(|_| "expected days such as 90d, a time such as 2027-01-01T00:00:00Z, or never".to_owned())
    }
}

impl Expiry {
    fn at(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Never => None,
            Self::AfterDays(days) => Some(now.saturating_add_millis(i64::from(days).saturating_mul(MILLIS_PER_DAY))),
            Self::At(time) => Some(time),
        }
    }
}

fn parse_role(text: &str) -> Result<TokenRole, String> {
    if text == "reader" {
        return Ok(TokenRole::Reader);
    }
    text.parse::<Role>().map(TokenRole::Given).map_err(|error| format!("{error}; or reader"))
}

/// What is said of a new token.
#[derive(Serialize)]
struct Answer<'t> {
    issued: bool,
    dry_run: bool,
    token: &'t TokenId,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<&'t str>,
    #[serde(flatten)]
    grant: &'t Grant,
    /// The request that it waits in, where another member has to approve it.
    #[serde(skip_serializing_if = "Option::is_none")]
    request: Option<u64>,
}

/// Carries out a command on tokens.
pub(super) fn run(session: &Session, terminal: &mut Terminal<'_>, command: TokenCommand) -> Result<(), Stop> {
    match command {
        TokenCommand::New(arguments) => new(session, terminal, arguments),
        TokenCommand::List => list(session, terminal),
        TokenCommand::Revoke { token, change } => {
            let mut opened = session.open_logged()?;
            let proposal = opened.project.propose_revocation(&opened.environment, &token)?;
            carry_out(&mut opened, terminal, &proposal, change.extent(), change.reason.as_deref())
        }
    }
}

fn new(session: &Session, terminal: &mut Terminal<'_>, arguments: NewArguments) -> Result<(), Stop> {
    let mut opened = session.open_logged()?;
    if let Some(reason) = &arguments.change.reason {
        Project::check_reason(reason)?;
    }
    let request = TokenRequest {
        holder: arguments.holder,
        role: arguments.role.unwrap_or_default(),
        verbs: arguments.verbs.into_iter().collect::<BTreeSet<_>>(),
        environments: arguments.environments.into_iter().collect(),
        expires_at: arguments.expires.at(opened.project.now()),
    };
    let token = opened.project.propose_token(&opened.environment, &request)?;
    if let Verdict::Refused { refusal } = token.proposal.access() {
        return Err(AppError::from(refusal.clone()).into());
    }
    let extent = arguments.change.extent();
    if terminal.form() == Form::Text {
        plan_text::print(terminal, &token.proposal)?;
    }
    if extent == Extent::Ask && terminal.has_to_ask() {
        terminal.confirm(&format!("Issue a token for {}?", token.grant.holder), LOOK_FIRST).map_err(unseen)?;
    }
    let committed = match extent {
        Extent::Show => None,
        _ => Some(opened.project.commit(&token.proposal, arguments.change.reason.as_deref())?),
    };
    show(terminal, &token, committed)
}

fn show(terminal: &mut Terminal<'_>, token: &NewToken, committed: Option<Committed>) -> Result<(), Stop> {
    let request = committed.and_then(|committed| committed.request);
    if terminal.form() == Form::Json {
        return terminal.json(&Answer {
            issued: committed.is_some() && request.is_none(),
            dry_run: committed.is_none(),
            token: &token.id,
            secret: committed.map(|_| token.secret.expose()),
            grant: &token.grant,
            request,
        });
    }
    if committed.is_none() {
        return terminal.line("not issued");
    }
    terminal.line(token.secret.expose())?;
    let expires = token.grant.expires_at.map_or_else(|| "never expires".to_owned(), |at| format!("expires at {at}"));
    terminal.line(format_args!("this is the only time that token {} is shown; it {expires}", token.id))?;
    match request {
        None => Ok(()),
        Some(request) => terminal
            .line(format_args!("it is good for nothing until another member agrees: flag-admin approve {request}")),
    }
}

fn list(session: &Session, terminal: &mut Terminal<'_>) -> Result<(), Stop> {
    let opened = session.open_logged()?;
    let uses = match opened.folder.server() {
        Some(server) => server.token_uses().map_err(AppError::from)?,
        None => opened.folder.token_uses().and_then(|uses| uses.uses()).map_err(AppError::from)?,
    };
    let tokens = opened.project.tokens(&uses);
    if terminal.form() == Form::Json {
        return terminal.json(&tokens);
    }
    if tokens.is_empty() {
        return terminal.line("no tokens; issue one: flag-admin token new HOLDER --can VERBS");
    }
    let mut rows =
        vec![["TOKEN", "HOLDER", "ROLE", "ALLOWS", "WHERE", "EXPIRES", "LAST USED"].map(str::to_owned).to_vec()];
    let joined = |words: Vec<&str>| words.join(",");
    for token in &tokens {
        let expires = token.expires_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let place = joined(token.environments.iter().map(EnvironmentName::as_str).collect());
        rows.push(vec![
            terminal.paint(Meaning::Name, token.token),
            token.holder.to_string(),
            token.role.map_or_else(|| "reader".to_owned(), |role| role.to_string()),
            joined(token.verbs.iter().map(|verb| verb.as_str()).collect()),
            if place.is_empty() { "everywhere".to_owned() } else { place },
            if token.expired { terminal.paint(Meaning::Loss, format_args!("expired {expires}")) } else { expires },
            token.used_at.map_or_else(|| "never".to_owned(), |at| at.to_string()),
        ]);
    }
    terminal.table(&rows)
}
