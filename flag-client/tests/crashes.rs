//! Processes that are killed, and processes that write at once. The test program starts itself as the other processes.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, reason = "tests stop at the first surprise")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use flag_client::{Declaration, FlagClient, FlagClient as Client, Problem};
use support::Home;

/// Names the file that a started process works on, and what it does.
const FILE: &str = "FLAG_CLIENT_TEST_FILE";
const TASK: &str = "FLAG_CLIENT_TEST_TASK";

const KEYS: [&str; 8] = ["key_a", "key_b", "key_c", "key_d", "key_e", "key_f", "key_g", "key_h"];

const CONFIG: &str = "\
# top of the file
[llm]
model = \"small\" # why small

[feature_flags]
# base values
key_a = true # kept

[feature_flags.overrides]
# overrides
key_h = false

[ui]
colour = true
";

fn client(file: &Path) -> Client {
    FlagClient::builder().declare(KEYS.map(Declaration::boolean)).user_file(file).open()
}

fn start(file: &Path, task: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "work_of_a_started_process", "--ignored", "--nocapture"])
        .envs([(FILE, file.as_os_str()), (TASK, task.as_ref())])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "no test: the tests below start it as processes of their own, which they kill"]
fn work_of_a_started_process() {
    let variable = |name: &str| std::env::vars().find(|(known, _)| known == name).map(|(_, value)| value);
    let (Some(file), Some(task)) = (variable(FILE), variable(TASK)) else { return };
    let client = client(Path::new(&file));
    match task.as_str() {
        "toggle" => loop {
            for key in KEYS {
                client.enable(key).expect("enables");
                client.disable(key).expect("disables");
            }
        },
        key => {
            for _ in 0..10 {
                client.enable(key).expect("enables");
                client.disable(key).expect("disables");
            }
            client.enable(key).expect("enables");
        }
    }
}

/// A sequence that looks random and is the same in every run.
fn pauses(count: usize) -> impl Iterator<Item = Duration> {
    let numbers = std::iter::successors(Some(0x9e37_79b9_u32), |number| {
        Some(number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223))
    });
    numbers.take(count).map(|number| Duration::from_micros(u64::from(number >> 16) % 30_000))
}

fn comments(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.find('#').map(|at| &line[at..])).collect()
}

#[test]
fn a_file_survives_a_kill_at_any_moment() {
    let home = Home::new();
    let file = home.write("config.toml", CONFIG);
    let (mut before, mut changed) = (CONFIG.to_owned(), 0);
    for pause in pauses(100) {
        let mut process = start(&file, "toggle");
        thread::sleep(pause);
        process.kill().unwrap();
        process.wait().unwrap();
        let text = fs::read_to_string(&file).unwrap();
        let client = client(&file);
        assert!(client.problems().is_empty(), "{text}");
        assert_eq!(comments(&text), comments(CONFIG), "{text}");
        for line in ["model = \"small\" # why small", "key_a = true # kept", "colour = true"] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        changed += u32::from(text != before);
        before = text;
        let leftovers: Vec<_> = fs::read_dir(home.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !["config.toml", "config.toml.lock", "config.toml.new"].contains(&name.as_str()))
            .collect();
        assert_eq!(leftovers, Vec::<String>::new());
    }
    assert!(changed > 10, "the processes were killed while they wrote: {changed}");
    client(&file).set("key_b", "on").unwrap();
    assert!(!home.path("config.toml.new").exists(), "what a killed process left is no obstacle");
}

#[test]
fn eight_processes_that_edit_at_once_lose_no_key() {
    let home = Home::new();
    let file = home.write("config.toml", CONFIG);
    let running: Vec<_> = KEYS.iter().map(|key| start(&file, key)).collect();
    for mut process in running {
        assert!(process.wait().unwrap().success());
    }
    let client = client(&file);
    for key in KEYS {
        assert!(client.is_enabled(key), "{key}\n{}", home.read("config.toml"));
    }
    assert!(client.problems().is_empty());
    assert_eq!(comments(&home.read("config.toml")), comments(CONFIG));
}

#[test]
fn a_reader_sees_a_whole_file_while_another_process_writes() {
    let home = Home::new();
    let file = home.write("config.toml", CONFIG);
    let mut process = start(&file, "toggle");
    let client = client(&file);
    for _ in 0..500 {
        client.reload();
        let problems: Vec<Problem> = client.problems();
        assert!(problems.is_empty(), "{problems:?}");
    }
    process.kill().unwrap();
    process.wait().unwrap();
}
