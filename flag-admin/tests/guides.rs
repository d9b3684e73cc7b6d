//! The guides, typed as they stand in a real shell: what they tell their readers to type works, and what they show is what it says.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]
#![allow(missing_docs, unreachable_pub, dead_code, reason = "test code has no public interface")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};

use support::path_with_program;
use tempfile::TempDir;

/// What the readers of a repository's README find there.
const CHECKOUT: &str = r#"mkdir flag-admin && cp -R "$SAMPLE" flag-admin/sample"#;

/// A project with the sample's flags, and a policy that is another one.
const PROJECT: &str = r#"
flag-admin init p --project caro >setup.txt && cd p && flag-admin apply -f "$SAMPLE/flags.toml" >>setup.txt
printf '%s\n' '[policy]' 'alpha = 0.01' >quick.toml
"#;

/// The same with counts of two experiments, and the flag that the second one is about.
const EXPERIMENTS: &str = r#"
flag-admin init p --project caro >setup.txt && cd p && flag-admin apply -f "$SAMPLE/flags.toml" >>setup.txt
printf '%s\n' '[flags.shorter_prompt]' 'variants = { control = "long", treatment = "short" }' 'off_variant = "control"' \
    'rollout = "100%"' 'weights = { control = "50%", treatment = "50%" }' >prompt.toml
flag-admin apply -f prompt.toml >>setup.txt
columns=variant,metric,successes,units
printf '%s\n' $columns control,command_success_rate,940,1000 treatment,command_success_rate,970,1000 >small.csv
printf '%s\n' $columns control,command_success_rate,7520,8000 treatment,command_success_rate,7760,8000 \
    control,crash_rate,8,8000 treatment,crash_rate,7,8000 >counts.csv
"#;

/// The file that the page shows.
const FLAGD: &str =
    r#"awk '/^```json$/ { inside = 1; next } /^```$/ { inside = 0 } inside' "$guide" >flags.flagd.json"#;

/// Runs a guide's commands and asserts how many they are, so that none is left out by mistake.
fn type_guide(guide: &str, before: &str, commands: usize) {
    let folder = TempDir::new().unwrap();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new("bash")
        .arg(here.join("tests/guides.sh"))
        .arg(here.parent().unwrap().join(guide))
        .arg(before)
        .arg(folder.path())
        .env("PATH", path_with_program())
        .env("SAMPLE", here.join("sample"))
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!((output.status.code(), &*out), (Some(0), &*format!("{commands} commands\n")), "{err}");
}

#[test]
fn the_first_page_holds() {
    type_guide("README.md", CHECKOUT, 6);
}

#[test]
fn the_page_of_the_tool_holds() {
    type_guide("flag-admin/README.md", CHECKOUT, 6);
}

#[test]
fn the_way_from_a_project_to_a_program_holds() {
    type_guide("flag-client/README.md", "", 6);
}

#[test]
fn the_page_on_rollouts_holds() {
    type_guide("flag-admin/ROLLOUTS.md", PROJECT, 9);
}

#[test]
fn the_page_on_experiments_holds() {
    type_guide("flag-admin/EXPERIMENTS.md", EXPERIMENTS, 7);
}

#[test]
fn the_page_for_those_who_come_from_flagd_holds() {
    type_guide("flag-admin/FLAGD.md", FLAGD, 7);
}
