//! caro's flags, each declared once: its key, its documentation, and what holds where neither the user nor a snapshot says otherwise.

use flag_client::{Declaration, Kind, Metric, OptIn, Stage, choices, flags};

use crate::Platform;

choices! {
    /// Which model turns prompts into commands.
    pub enum CommandModel {
        /// smollm-135m, the one that ships.
        Control = "control",
        /// qwen2-1.5b, the larger one.
        Treatment = "treatment",
    }
}

flags! {
    /// Every flag of caro, in the order in which they are shown, with its default on the platform that caro is built for.
    pub const ALL: &[Declaration];

    /// Syncs telemetry to the cloud, besides keeping it here
    pub const TELEMETRY_CLOUD_SYNC: bool = "telemetry_cloud_sync" {
        default: false,
        default_note: "false (opt-in)",
        title: "Telemetry Cloud Sync",
        stage: Stage::Beta,
        opt_in: OptIn::Required,
        prerequisites: &[TELEMETRY.on()],
        added: "v1.2.0 (2026-02-01)",
        expires: "v1.3.0 (2026-05-01)",
        status: "Beta testing",
        rollout: "25% of opted-in users",
        risks: &[
            "Privacy: no personal data may be in what is synced",
            "Performance: additional network latency",
            "Cost: backend infrastructure",
        ],
        metrics: &[
            Metric::with_target("sync success rate", ">95%"),
            Metric::with_target("sync latency", "<500ms"),
            Metric::with_target("error rate", "<5%"),
        ],
        rollback: "Disable the flag remotely; telemetry then stays on the machine",
        privacy: "Zero PII, encrypted in transit",
        owner: "@alice",
        tracking: "Issue #245",
    }

    /// Checks commands against further safety patterns; may block more
    pub const ENHANCED_SAFETY_V2: bool = "enhanced_safety_v2" {
        default: false,
        default_note: "false (50% rollout, opt-in for everyone else)",
        title: "Enhanced Safety Patterns v2",
        stage: Stage::Beta,
        opt_in: OptIn::Allowed,
        added: "v1.2.0 (2026-02-01)",
        expires: "v1.3.0 (2026-06-01)",
        status: "Beta testing",
        rollout: "50% of users",
        risks: &[
            "Usability: safe commands may be blocked",
            "Performance: more patterns are checked before each command",
        ],
        metrics: &[
            Metric::with_target("false positive rate", "<2%"),
            Metric::with_target("validation latency", "<50ms"),
            Metric::with_target("error rate", "<5%"),
        ],
        rollback: "Disable the flag; the patterns of version 1, which always apply, go on",
        privacy: "Commands are checked on the machine and never leave it",
        owner: "@bob",
        tracking: "Issue #251",
    }

    /// Remembers the commands that were run, to search and repeat them
    pub const COMMAND_HISTORY: bool = "command_history" {
        default: false,
        default_note: "false (team only)",
        title: "Command History",
        stage: Stage::Internal,
        added: "v1.2.0 (2026-02-01)",
        expires: "v1.3.0 (2026-06-01)",
        status: "Internal testing",
        rollout: "the team since 2026-02-05",
        risks: &[
            "Privacy: commands may hold secrets, so the history never leaves the machine",
            "Storage: the history grows unless it is trimmed",
        ],
        metrics: &[
            Metric::watched("adoption rate"),
            Metric::watched("storage used"),
            Metric::with_target("lookup latency", "<100ms"),
        ],
        rollback: "Disable the flag; what was remembered stays on the disk, unread",
        privacy: "The history is local and is never sent",
        owner: "@charlie",
        tracking: "Issue #248",
    }

    /// Runs models with MLX; needs Apple Silicon
    pub const MLX_BACKEND: bool = "mlx_backend" {
        default: cfg!(all(target_os = "macos", target_arch = "aarch64")),
        default_note: "true on Apple Silicon, else false",
        title: "MLX Backend",
        kind: Kind::Ops,
        stage: Stage::Ga,
        overridable,
        added: "v1.2.0 (2026-02-01)",
        rollout: "every Mac with Apple Silicon",
        risks: &["Memory: large models compete with other programs for unified memory"],
        metrics: &[
            Metric::with_target("inference success rate", ">99%"),
            Metric::with_target("crash rate", "<0.1%"),
        ],
        rollback: "Disable the flag; the embedded backend takes over",
        privacy: "Models run on the machine",
        owner: "@alice",
        tracking: "Issue #230",
        tags: &["platform"],
    }

    /// Runs models with your own Ollama
    pub const OLLAMA_BACKEND: bool = "ollama_backend" {
        default: false,
        default_note: "false (needs a running Ollama)",
        title: "Ollama Backend",
        kind: Kind::Ops,
        stage: Stage::Ga,
        overridable,
        added: "v1.2.0 (2026-02-01)",
        rollout: "whoever turns it on",
        risks: &["Availability: fails when no Ollama is running"],
        metrics: &[
            Metric::with_target("inference success rate", ">95%"),
            Metric::with_target("connect latency", "<200ms"),
        ],
        rollback: "Disable the flag; the embedded backend takes over",
        privacy: "Prompts go to the user's own server only",
        owner: "@alice",
        tracking: "Issue #231",
    }

    /// Compares two models for turning prompts into commands
    pub const COMMAND_MODEL_COMPARISON: CommandModel = "command_model_comparison" {
        default: CommandModel::Control.id(),
        default_note: "control (smollm-135m)",
        title: "Command Model Comparison",
        kind: Kind::Experiment,
        stage: Stage::Beta,
        added: "v1.2.0 (2026-02-01)",
        expires: "v1.3.0 (2026-06-01)",
        status: "Experiment",
        rollout: "half of the users each",
        risks: &[
            "Performance: the larger model answers more slowly",
            "Memory: the larger model may not fit small machines",
        ],
        metrics: &[
            Metric::with_target("command success rate", ">=94%"),
            Metric::with_target("response time", "<2000ms"),
            Metric::with_target("user satisfaction", ">=80%"),
        ],
        rollback: "Disable the flag; everyone gets control",
        privacy: "Only anonymous counts by variant are reported",
        owner: "@bob",
        tracking: "Issue #260",
    }

    /// All of telemetry
    pub const TELEMETRY: bool = "telemetry" {
        default: true,
        default_note: "true (until it is killed)",
        title: "Telemetry",
        kind: Kind::KillSwitch,
        stage: Stage::Ga,
        added: "v1.2.0 (2026-02-01)",
        rollback: "Lift the kill once the incident is closed",
        privacy: "Killing it stops every report at once",
        owner: "@alice",
        tracking: "Issue #240",
    }

    /// Every language model
    pub const LLM_BACKENDS: bool = "llm_backends" {
        default: true,
        default_note: "true (until it is killed)",
        title: "Language Models",
        kind: Kind::KillSwitch,
        stage: Stage::Ga,
        added: "v1.2.0 (2026-02-01)",
        rollback: "Lift the kill once answers are sound again",
        privacy: "While it is killed no prompt leaves the machine",
        owner: "@bob",
        tracking: "Issue #241",
    }

    /// Running commands
    pub const COMMAND_EXECUTION: bool = "command_execution" {
        default: true,
        default_note: "true (until it is killed)",
        title: "Command Execution",
        kind: Kind::KillSwitch,
        stage: Stage::Ga,
        added: "v1.2.0 (2026-02-01)",
        rollback: "Lift the kill once execution is safe again",
        privacy: "Nothing is sent, killed or not",
        owner: "@bob",
        tracking: "Issue #242",
    }
}

/// The keys of the kill switches, in the order in which they are shown.
pub const KILL_SWITCHES: [&str; 3] = [TELEMETRY.key(), LLM_BACKENDS.key(), COMMAND_EXECUTION.key()];

/// Returns every flag of caro, with its default on a platform that may be another than caro is built for.
pub fn declarations(platform: Platform) -> Vec<Declaration> {
    let on_platform = |flag: &Declaration| match flag.key {
        key if key == MLX_BACKEND.key() => flag.default_on(platform.is_apple_silicon()),
        _ => *flag,
    };
    ALL.iter().map(on_platform).collect()
}
