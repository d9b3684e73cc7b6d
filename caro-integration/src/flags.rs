//! caro's flags, each declared once: its key, its documentation, and what holds where neither the user nor a snapshot says otherwise.

use flag_client::{Declaration, Kind, OptIn, Stage};

use crate::Platform;

/// Feature flag: `telemetry_cloud_sync`
///
/// **Description**: Syncs telemetry to the cloud, besides keeping it on this machine
///
/// **Added**: v1.2.0 (2026-02-01)
/// **Default**: false (opt-in)
/// **Expires**: v1.3.0 (2026-05-01), should be the default by then
///
/// **Status**: Beta testing
/// **Rollout**: 25% of opted-in users (2026-02-10)
///
/// **Risks**:
/// - Privacy: no personal data may be in what is synced
/// - Performance: additional network latency
/// - Cost: backend infrastructure
///
/// **Metrics to Monitor**:
/// - Sync success rate (target: >95%)
/// - Sync latency (target: <500ms)
/// - Error rate (target: <5%)
///
/// **Rollback Plan**: Disable the flag remotely; telemetry then stays on the machine
///
/// **Privacy**: Zero PII, encrypted in transit
///
/// **Owner**: @alice
/// **Tracking**: Issue #245
pub const TELEMETRY_CLOUD_SYNC: &str = "telemetry_cloud_sync";

/// Feature flag: `enhanced_safety_v2`
///
/// **Description**: Checks commands against further safety patterns, besides those of version 1, which always apply
///
/// **Added**: v1.2.0 (2026-02-01)
/// **Default**: false (50% rollout, opt-in for everyone else)
/// **Expires**: v1.3.0 (2026-06-01)
///
/// **Status**: Beta testing
/// **Rollout**: 50% of users, accuracy compared with the first patterns
///
/// **Risks**:
/// - Usability: safe commands may be blocked
/// - Performance: more patterns are checked before each command
///
/// **Metrics to Monitor**:
/// - False positive rate (target: <2%)
/// - Validation latency (target: <50ms)
/// - Error rate (target: <5%)
///
/// **Rollback Plan**: Disable the flag; the first patterns go on
///
/// **Privacy**: Commands are checked on the machine and never leave it
///
/// **Owner**: @bob
/// **Tracking**: Issue #251
pub const ENHANCED_SAFETY_V2: &str = "enhanced_safety_v2";

/// Feature flag: `command_history`
///
/// **Description**: Remembers the commands that were run, to search and repeat them
///
/// **Added**: v1.2.0 (2026-02-01)
/// **Default**: false (team only)
/// **Expires**: v1.3.0 (2026-06-01)
///
/// **Status**: Internal testing
/// **Rollout**: the team since 2026-02-05
///
/// **Risks**:
/// - Privacy: commands may hold secrets, so the history never leaves the machine
/// - Storage: the history grows unless it is trimmed
///
/// **Metrics to Monitor**:
/// - Adoption rate
/// - Storage used
/// - Lookup latency (target: <100ms)
///
/// **Rollback Plan**: Disable the flag; what was remembered stays on the disk, unread
///
/// **Privacy**: The history is local and is never sent
///
/// **Owner**: @charlie
/// **Tracking**: Issue #248
pub const COMMAND_HISTORY: &str = "command_history";

/// Feature flag: `mlx_backend`
///
/// **Description**: Runs models on Apple Silicon with MLX, Apple's own framework
///
/// **Added**: v1.2.0 (2026-02-01)
/// **Default**: true on Apple Silicon, else false
/// **Expires**: never: it belongs to a platform
///
/// **Status**: Generally available
/// **Rollout**: every Mac with Apple Silicon
///
/// **Risks**:
/// - Memory: large models compete with other programs for unified memory
///
/// **Metrics to Monitor**:
/// - Inference success rate (target: >99%)
/// - Crash rate (target: <0.1%)
///
/// **Rollback Plan**: Disable the flag; the embedded backend takes over
///
/// **Privacy**: Models run on the machine
///
/// **Owner**: @alice
/// **Tracking**: Issue #230
pub const MLX_BACKEND: &str = "mlx_backend";

/// Feature flag: `ollama_backend`
///
/// **Description**: Uses models served by the user's own Ollama
///
/// **Added**: v1.2.0 (2026-02-01)
/// **Default**: false (needs a running Ollama)
/// **Expires**: never: how caro operates is the user's choice
///
/// **Status**: Generally available
/// **Rollout**: whoever turns it on
///
/// **Risks**:
/// - Availability: fails when no Ollama is running
///
/// **Metrics to Monitor**:
/// - Inference success rate (target: >95%)
/// - Connect latency (target: <200ms)
///
/// **Rollback Plan**: Disable the flag; the embedded backend takes over
///
/// **Privacy**: Prompts go to the user's own server only
///
/// **Owner**: @alice
/// **Tracking**: Issue #231
pub const OLLAMA_BACKEND: &str = "ollama_backend";

/// Feature flag: `command_model_comparison`
///
/// **Description**: Compares two models for turning prompts into commands: `control` is smollm-135m, `treatment` is qwen2-1.5b
///
/// **Added**: v1.2.0 (2026-02-01)
/// **Default**: control
/// **Expires**: v1.3.0 (2026-06-01)
///
/// **Status**: Experiment
/// **Rollout**: everyone takes part, half in each variant, once it is published
///
/// **Risks**:
/// - Performance: the larger model answers more slowly
/// - Memory: the larger model may not fit small machines
///
/// **Metrics to Monitor**:
/// - Command success rate (target: >=94%)
/// - Response time (target: <2000ms)
/// - User satisfaction (target: >=80%)
///
/// **Rollback Plan**: Disable the flag; everyone gets control
///
/// **Privacy**: Only anonymous counts by variant are reported
///
/// **Owner**: @bob
/// **Tracking**: Issue #260
pub const COMMAND_MODEL_COMPARISON: &str = "command_model_comparison";

/// Kill switch: all of telemetry, for privacy incidents.
pub const TELEMETRY: &str = "telemetry";

/// Kill switch: every language model, for quality incidents.
pub const LLM_BACKENDS: &str = "llm_backends";

/// Kill switch: running commands, for safety incidents.
pub const COMMAND_EXECUTION: &str = "command_execution";

/// The kill switches, in the order they are shown.
pub const KILL_SWITCHES: [&str; 3] = [TELEMETRY, LLM_BACKENDS, COMMAND_EXECUTION];

const MODELS: &[&str] = &["control", "treatment"];

/// Returns every flag of caro, with its default on this platform.
pub fn declarations(platform: Platform) -> Vec<Declaration> {
    vec![
        Declaration::boolean(TELEMETRY_CLOUD_SYNC)
            .stage(Stage::Beta)
            .opt_in(OptIn::Required)
            .title("Telemetry Cloud Sync")
            .describe("Syncs telemetry to the cloud, besides keeping it here")
            .expires("2026-05-01")
            .rollout("25% of opted-in users"),
        Declaration::boolean(ENHANCED_SAFETY_V2)
            .stage(Stage::Beta)
            .opt_in(OptIn::Allowed)
            .title("Enhanced Safety Patterns v2")
            .describe("Checks commands against further safety patterns; may block more")
            .expires("2026-06-01")
            .rollout("50% of users"),
        Declaration::boolean(COMMAND_HISTORY)
            .stage(Stage::Internal)
            .title("Command History")
            .describe("Remembers the commands that were run, to search and repeat them")
            .expires("2026-06-01"),
        Declaration::boolean(MLX_BACKEND)
            .kind(Kind::Ops)
            .stage(Stage::Ga)
            .default_on(platform.is_apple_silicon())
            .overridable()
            .title("MLX Backend")
            .describe("Runs models with MLX; needs Apple Silicon"),
        Declaration::boolean(OLLAMA_BACKEND)
            .kind(Kind::Ops)
            .stage(Stage::Ga)
            .overridable()
            .title("Ollama Backend")
            .describe("Runs models with your own Ollama"),
        Declaration::choice(COMMAND_MODEL_COMPARISON, MODELS)
            .kind(Kind::Experiment)
            .stage(Stage::Beta)
            .title("Command Model Comparison")
            .describe("Compares two models for turning prompts into commands")
            .expires("2026-06-01")
            .rollout("half of the users each"),
        kill_switch(TELEMETRY).title("Telemetry").describe("All of telemetry"),
        kill_switch(LLM_BACKENDS).title("Language Models").describe("Every language model"),
        kill_switch(COMMAND_EXECUTION).title("Command Execution").describe("Running commands"),
    ]
}

/// A capability that is on until an emergency takes it away.
const fn kill_switch(key: &'static str) -> Declaration {
    Declaration::boolean(key).kind(Kind::KillSwitch).stage(Stage::Ga).default_on(true)
}
