//! Processes that are killed, and processes that write at once. The test program starts itself as the other processes.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use flag_client::{Declaration, FlagClient, FlagClient as Client, Problem};
use support::{Home, numbers, times, until_changed};

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
        task if task.starts_with("count ") => {
            let mut words = task.split(' ').skip(1);
            let (key, from) = (words.next().unwrap(), words.next().unwrap().parse::<usize>().unwrap());
            count(Path::new(&file), key, from);
        }
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

fn pauses(count: usize) -> impl Iterator<Item = Duration> {
    numbers().take(count).map(|number| Duration::from_micros(u64::from(number % 30_000)))
}

fn comments(text: &str) -> Vec<&str> {
    text.lines().filter_map(|line| line.find('#').map(|at| &line[at..])).collect()
}

#[test]
fn fault_23_the_local_file_survives_a_kill_at_any_moment() {
    let home = Home::new();
    let file = home.write("config.toml", CONFIG);
    let (mut before, mut changed) = (CONFIG.to_owned(), 0);
    for (round, pause) in pauses(times(100, 2_000)).enumerate() {
        let mut process = start(&file, "toggle");
        // Every other one is killed at any moment of its life, those between while they write.
        if round % 2 == 1 {
            until_changed(&file, before.as_bytes());
        }
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

/// What a flag of the crowd may be set to: the number of the change.
const NUMBERS: [&str; 10] = ["n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7", "n8", "n9"];

/// What a process ends with whose test failed.
const FAILED: i32 = 101;

fn crowd(file: &Path, key: &str) -> Client {
    let key: &'static str = Box::leak(key.to_owned().into_boxed_str());
    FlagClient::builder().declare([Declaration::choice(key, &NUMBERS).overridable()]).user_file(file).open()
}

/// Sets the flag to one number after the other, beginning with one, and says so in a file of its own each time that it is done.
fn count(file: &Path, key: &str, from: usize) {
    let client = crowd(file, key);
    let done = file.with_file_name(key);
    for number in from.. {
        client.set(key, NUMBERS[number % NUMBERS.len()]).expect("sets");
        fs::write(&done, number.to_string()).unwrap();
    }
}

/// Sixteen processes that change one file, 64 in the full run, each killed at random and started again.
#[test]
fn a_crowd_that_is_killed_at_random_loses_no_key_no_comment_and_no_kill() {
    let home = Home::new();
    let config = format!("{CONFIG}\n[feature_flags.kill_switches]\n# stays\ntelemetry_disabled = true # for good\n");
    let file = home.write("config.toml", &config);
    let keys: Vec<String> = (0..times(16, 64)).map(|number| format!("crowd_{number}")).collect();
    let begin = |key: &str, from: usize| start(&file, &format!("count {key} {from}"));
    let mut running: Vec<Child> = keys.iter().map(|key| begin(key, 0)).collect();
    // Until each has been started and has changed the file once.
    let mut waited = Duration::ZERO;
    while let Some(missing) = keys.iter().position(|key| !home.path(key).exists()) {
        let ended = running[missing].try_wait().unwrap();
        assert!(ended.is_none(), "{} never changed the file: {ended:?}", keys[missing]);
        assert!(waited < Duration::from_secs(300), "{} is still waiting for its turn", keys[missing]);
        thread::sleep(Duration::from_millis(10));
        waited += Duration::from_millis(10);
    }
    let acknowledged = |key: &str| fs::read_to_string(home.path(key)).unwrap().parse::<usize>().ok();
    for number in numbers().take(times(60, 2_000)) {
        thread::sleep(Duration::from_micros(u64::from(number % 20_000)));
        let killed = number as usize % keys.len();
        running[killed].kill().unwrap();
        let ended = running[killed].wait().unwrap();
        assert_ne!(ended.code(), Some(FAILED), "{} was refused a change", keys[killed]);
        let text = fs::read_to_string(&file).unwrap();
        let client = crowd(&file, &keys[killed]);
        assert!(client.is_killed("telemetry"), "{text}");
        assert!(!client.problems().iter().any(|problem| matches!(problem, Problem::File(_) | Problem::Setting { .. })));
        assert_eq!(comments(&text), comments(&config), "{text}");
        // It was killed while it said so, at worst: then it is not known which of two numbers was acknowledged.
        let done = acknowledged(&keys[killed]);
        let variant = client.variant(&keys[killed]).unwrap();
        if let Some(done) = done {
            let allowed = [NUMBERS[done % 10], NUMBERS[(done + 1) % 10]];
            assert!(allowed.contains(&&*variant), "{}: {done} is done, but {variant} is kept", keys[killed]);
        }
        let from = NUMBERS.iter().position(|number| *number == variant).unwrap() + 1;
        fs::write(home.path(&keys[killed]), (from - 1).to_string()).unwrap();
        running[killed] = begin(&keys[killed], from);
    }
    for mut process in running {
        process.kill().unwrap();
        process.wait().unwrap();
    }
    let text = fs::read_to_string(&file).unwrap();
    for key in &keys {
        assert!(text.contains(key.as_str()), "{key} is lost: {text}");
    }
    assert_eq!(comments(&text), comments(&config));
}
