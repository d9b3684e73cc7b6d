//! What the dashboard takes on 1,000 and 10,000 flags, against what it may take: the first frame, and from a key to the screen.
//!
//! ```console
//! $ cargo run --release -p benches --features control-plane --bin dashboard
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark stops at the first surprise, reads the clock and prints"
)]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use flag_admin::adapters::{InitFolder, ProjectFolder, Sources, SystemClock, init};
use flag_admin::app::ports::Publisher;
use flag_admin::app::{Operator, Prune};
use flag_admin::definition::Definitions;
use flag_admin::log::{EnvironmentName, Role};
use flag_admin::tui::{Characters, Dashboard, Mouse, Offscreen, Palette};

/// The most that the first frame may take on 1,000 flags, and a key on any project.
const FIRST_FRAME: Duration = Duration::from_millis(50);
const KEY: Duration = Duration::from_millis(16);
/// Every kind of key: moving, narrowing, opening, a plan while a share is typed, help, the palette.
const KEYS: &str = "jjjjGgvvvvvsss/flag_0042\r\rxu\u{1b}\u{1b}r25\u{1b}\\?\u{1b}:roll\u{1b}4jj\r\u{1b}261";

fn operator() -> Operator {
    Operator { actor: "alice".parse().unwrap(), role: Role::ReleaseManager }
}

fn make(folder: &Path, flags: usize) {
    let environment = EnvironmentName::production();
    let request = InitFolder {
        project: "measured".parse().unwrap(),
        environments: vec![environment.clone()],
        operator: operator(),
        store: None,
        passphrase: None,
        root: None,
    };
    init(folder, &request).unwrap();
    let mut text = String::new();
    for number in 0..flags {
        writeln!(text, "[flags.flag_{number:05}]\nrollout = \"{}%\"", number % 101).unwrap();
        writeln!(text, "[[flags.flag_{number:05}.rules]]\nid = \"staff\"\nserve = \"on\"").unwrap();
        writeln!(text, "when = {{ attribute = \"team\", operator = \"equals\", values = [\"staff\"] }}").unwrap();
        writeln!(text, "[flags.flag_{number:05}.documentation]\nowner = \"@alice\"\ndescription = \"Flag {number}\"")
            .unwrap();
    }
    let mut project = ProjectFolder::find(folder).unwrap().open(operator()).unwrap();
    let definitions = Definitions::from_toml(&text, "flags.toml").unwrap();
    let proposal = project.propose_definitions(&environment, &definitions, Prune::Keep).unwrap();
    project.commit(&proposal, None).unwrap();
}

fn open(folder: &Path) -> Offscreen {
    let folder = ProjectFolder::find(folder).unwrap();
    let dashboard = Dashboard {
        project: folder.open(operator()).unwrap(),
        environment: EnvironmentName::production(),
        drafts: Box::new(folder.drafts()),
        cells: folder.cells()().unwrap(),
        clock: Box::new(SystemClock),
        afar: None,
        sources: Box::new(Sources::default()),
        open_publisher: Box::new(move |out| {
            folder.publisher(&EnvironmentName::production(), out).map(|place| Box::new(place) as Box<dyn Publisher>)
        }),
        remember_target: Box::new(|_| {}),
        unlock: Box::new(|_| Ok(())),
        out: None,
        palette: Palette::Dark,
        characters: Characters::Unicode,
        keys: std::collections::BTreeMap::new(),
        mouse: Mouse::Off,
    };
    Offscreen::open(dashboard, 160, 45).unwrap()
}

fn row(what: &str, took: Duration, aim: Option<Duration>) {
    let millis = |duration: Duration| format!("{:.2} ms", duration.as_secs_f64() * 1e3);
    let verdict = match aim {
        None => String::new(),
        Some(aim) if took <= aim => format!("  of {} allowed", millis(aim)),
        Some(aim) => format!("  ABOVE the {} allowed", millis(aim)),
    };
    println!("{what:<48}{:>12}{verdict}", millis(took));
}

fn main() {
    for (flags, first_frame) in [(1_000, Some(FIRST_FRAME)), (10_000, None)] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().join("project");
        make(&folder, flags);
        let mut starts: Vec<Duration> = (0..7)
            .map(|_| {
                let start = Instant::now();
                drop(open(&folder));
                start.elapsed()
            })
            .collect();
        starts.sort_unstable();
        row(&format!("{flags} flags: opened and drawn, median of 7"), starts.into_iter().nth(3).unwrap(), first_frame);
        let mut dashboard = open(&folder);
        let (mut keys, mut answers) = (Vec::new(), Vec::new());
        for key in KEYS.chars() {
            let start = Instant::now();
            dashboard.press(key).unwrap();
            keys.push((start.elapsed(), key));
            let start = Instant::now();
            dashboard.answer().unwrap();
            answers.push((start.elapsed(), key));
        }
        keys.sort_unstable();
        let (answered, asked) = answers.into_iter().max().unwrap();
        let (slowest, key) = *keys.last().unwrap();
        row(
            &format!("{flags} flags: a key, median"),
            keys.into_iter().nth(KEYS.chars().count() / 2).unwrap().0,
            Some(KEY),
        );
        row(&format!("{flags} flags: a key, the slowest ({key:?})"), slowest, Some(KEY));
        // It holds up no key: the screen says that it is under way.
        row(&format!("{flags} flags: an answer beside it, the slowest ({asked:?})"), answered, None);
    }
}
