//! `caro run`: from a prompt to a command.

use std::io::{self, Write};
use std::process::{Command, Stdio};

use caro_integration::flags::COMMAND_MODEL_COMPARISON;
use caro_integration::{Backend, Features, KillSwitches, select_backend};
use flag_client::Outcome;

use crate::safety;
use crate::telemetry::{Event, Telemetry};

/// What becomes of the command.
#[derive(Copy, Clone, PartialEq, Eq)]
pub(crate) enum Execution {
    /// The user sees it.
    OnlyShow,
    /// It runs.
    AtOnce,
}

/// Why there is no command, or none that may run.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RunError {
    #[error("language models are switched off by the kill switch llm_backends")]
    NoBackend,
    #[error("running commands is switched off by the kill switch command_execution")]
    NoExecution,
    #[error("no command is known for {prompt:?}")]
    NoCommand { prompt: String },
    #[error("{command:?} is blocked: {harm}")]
    Unsafe { command: String, harm: &'static str },
    #[error("{command:?} did not start")]
    Start {
        command: String,
        #[source]
        source: io::Error,
    },
    #[error("the output could not be written")]
    Output(#[source] io::Error),
}

impl RunError {
    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::NoBackend | Self::NoExecution => Some("see what holds it with: caro features kill-switch".to_owned()),
            Self::NoCommand { .. } => Some(format!("try one of: {}", PROMPTS.map(|(prompt, _)| prompt).join(", "))),
            _ => None,
        }
    }
}

/// What stands in for a language model.
const PROMPTS: [(&str, &str); 4] = [
    ("list files", "ls -la"),
    ("show the date", "date"),
    ("open up all files", "chmod -R 777 ."),
    ("delete everything", "rm -rf /"),
];

pub(crate) struct Run<'a> {
    pub(crate) features: &'a Features,
    pub(crate) telemetry: &'a Telemetry<'a>,
    pub(crate) execution: Execution,
}

impl Run<'_> {
    /// Turns a prompt into a command, shows it, and runs it if asked to. What goes wrong with flags or telemetry stops none of it, and is a
    /// line of `warnings` each.
    pub(crate) fn prompt(&self, prompt: &str, out: &mut dyn Write, warnings: &mut dyn Write) -> Result<(), RunError> {
        for warning in self.features.warnings() {
            warn(warnings, &warning);
        }
        let kills = KillSwitches::load(self.features);
        if kills.is_disabled("llm_backends") {
            return Err(RunError::NoBackend);
        }
        let backend = select_backend(self.features, self.features.platform());
        let result = self.generate(prompt).and_then(|command| {
            self.show(backend, command, out)?;
            if self.execution == Execution::OnlyShow {
                return Ok("shown");
            }
            if kills.is_disabled("command_execution") {
                return Err(RunError::NoExecution);
            }
            execute(command, out).map(|()| "executed")
        });
        let outcome = match &result {
            Ok(outcome) => outcome,
            Err(RunError::Unsafe { .. }) => "blocked",
            Err(_) => "failed",
        };
        let event = Event { name: "command", backend: backend.to_string(), outcome };
        let recorded = self.telemetry.record(&event);
        if let Err(error) = &recorded {
            warn(warnings, &format!("telemetry is not kept: {error}"));
        }
        // How the two models do is compared by anonymous counts, and only of users who agreed to that.
        let ended = if result.is_ok() { Outcome::Success } else { Outcome::Error };
        self.features.client().record(COMMAND_MODEL_COMPARISON.key(), ended, None);
        result?;
        recorded.map_or(Ok(()), |recorded| line(out, &format!("Telemetry: {recorded}.")))
    }

    fn generate(&self, prompt: &str) -> Result<&'static str, RunError> {
        let known = PROMPTS.iter().find(|(known, _)| known.eq_ignore_ascii_case(prompt.trim()));
        let (_, command) = known.ok_or_else(|| RunError::NoCommand { prompt: prompt.to_owned() })?;
        match safety::forbidding(command, self.features) {
            Some(pattern) => Err(RunError::Unsafe { command: (*command).to_owned(), harm: pattern.harm }),
            None => Ok(command),
        }
    }

    fn show(&self, backend: Backend, command: &str, out: &mut dyn Write) -> Result<(), RunError> {
        let model = self.features.variant(COMMAND_MODEL_COMPARISON).unwrap_or_else(|| "control".to_owned());
        line(out, &format!("Command:   {command}\nBackend:   {backend}, model of the {model} group"))
    }
}

fn execute(command: &str, out: &mut dyn Write) -> Result<(), RunError> {
    let output = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| RunError::Start { command: command.to_owned(), source })?;
    write(out, &output.stdout)
}

/// Says what stops nothing; where nobody reads that either, the command is still what counts.
fn warn(warnings: &mut dyn Write, text: &str) {
    let _unread = writeln!(warnings, "Warning: {text}");
}

fn line(out: &mut dyn Write, text: &str) -> Result<(), RunError> {
    write(out, format!("{text}\n").as_bytes())
}

/// Writes, and takes it for done where nobody reads.
fn write(out: &mut dyn Write, bytes: &[u8]) -> Result<(), RunError> {
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(RunError::Output(error)),
        _ => Ok(()),
    }
}
