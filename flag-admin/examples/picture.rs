//! Draws the picture of the dashboard that the README shows, from a real run: starts the program's demo on a pseudo-terminal, presses keys,
//! and writes what the terminal shows as SVG.
//!
//! ```sh
//! cargo run -p flag-admin --example picture -- target/debug/flag-admin flag-admin/dashboard.svg
//! ```
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "a tool of the project's own that stops at the first surprise"
)]

use std::fmt::Write as _;
use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use vt100::{Cell, Color, Parser};

const COLUMNS: u16 = 112;
const ROWS: u16 = 34;
/// The size of a character, in pixels.
const CELL: (f32, f32) = (8.4, 17.0);
const MARGIN: f32 = 14.0;
const BACKGROUND: &str = "#16181d";
const FOREGROUND: &str = "#d6d9e0";

/// Keys, and what is waited for before the next ones are pressed.
const SITTING: &[(&str, &str)] = &[
    ("", "Enter opens the dashboard"),
    ("\r", "[1 Flags]"),
    ("jjjj", "llm_backends"),
    ("!", "Turn off llm_backends"),
    ("4\r", "is killed"),
    ("jj", "ollama_backend"),
    ("E", "gain "),
];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [program, picture] = arguments.as_slice() else {
        eprintln!("usage: picture PROGRAM SVG");
        std::process::exit(2);
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let size = PtySize { rows: ROWS, cols: COLUMNS, pixel_width: 0, pixel_height: 0 };
    let pair = native_pty_system().openpty(size).expect("a pseudo-terminal");
    let mut command = CommandBuilder::new(std::path::absolute(program).expect("a path"));
    command.args(["demo", "project", "--units", "1000"]);
    command.cwd(folder.path());
    for (name, value) in [("TERM", "xterm-256color"), ("USER", "alice"), ("NO_COLOR", ""), ("COLORFGBG", "")] {
        command.env(name, value);
    }
    let mut child = pair.slave.spawn_command(command).expect("the program");
    let mut writer = pair.master.take_writer().expect("a writer");
    let mut reader = pair.master.try_clone_reader().expect("a reader");
    let screen = Arc::new(Mutex::new(Parser::new(ROWS, COLUMNS, 0)));
    let shared = Arc::clone(&screen);
    thread::spawn(move || {
        let mut bytes = [0; 4_096];
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            shared.lock().unwrap().process(bytes.get(..count).unwrap_or_default());
        }
    });
    for (keys, shown) in SITTING {
        writer.write_all(keys.as_bytes()).and_then(|()| writer.flush()).expect("keys");
        let is_shown = || screen.lock().unwrap().screen().contents().contains(shown);
        for _ in 0..600 {
            if is_shown() {
                break;
            }
            thread::sleep(Duration::from_millis(50));
        }
        assert!(is_shown(), "{shown:?} does not come:\n{}", screen.lock().unwrap().screen().contents());
    }
    // What was done is told for a while, with the name of the folder of this run; the picture is taken after that.
    thread::sleep(Duration::from_secs(8));
    std::fs::write(picture, svg(screen.lock().unwrap().screen())).expect("the picture");
    let _ = child.kill();
}

fn svg(screen: &vt100::Screen) -> String {
    let (width, height) = (f32::from(COLUMNS) * CELL.0 + 2.0 * MARGIN, f32::from(ROWS) * CELL.1 + 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\" \
         aria-label=\"The dashboard: a list of flags, and the plan of a new share\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"8\" fill=\"{BACKGROUND}\"/>\n\
         <g font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\" font-size=\"14\" \
         fill=\"{FOREGROUND}\" xml:space=\"preserve\">\n"
    );
    for row in 0..ROWS {
        let mut column = 0;
        while column < COLUMNS {
            let Some(cell) = screen.cell(row, column) else { break };
            let (mut text, start) = (String::new(), column);
            // One piece for all that looks alike.
            while let Some(next) = screen.cell(row, column).filter(|next| column < COLUMNS && look(next) == look(cell))
            {
                if !next.is_wide_continuation() {
                    text.push_str(if next.has_contents() { next.contents() } else { " " });
                }
                column += 1;
            }
            piece(&mut out, &look(cell), &text, start, column, row);
        }
    }
    out.push_str("</g>\n</svg>\n");
    out
}

#[derive(PartialEq)]
struct Look {
    foreground: String,
    background: Option<String>,
    bold: bool,
}

fn look(cell: &Cell) -> Look {
    let foreground = colour(cell.fgcolor()).unwrap_or(FOREGROUND).to_owned();
    let background = colour(cell.bgcolor()).map(str::to_owned);
    if cell.inverse() {
        let behind = background.unwrap_or_else(|| BACKGROUND.to_owned());
        return Look { foreground: behind, background: Some(foreground), bold: cell.bold() };
    }
    Look { foreground, background, bold: cell.bold() }
}

fn colour(colour: Color) -> Option<&'static str> {
    const NAMED: [&str; 16] = [
        "#1d2026", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#abb2bf", "#7f8896", "#ff8a92",
        "#b5e08d", "#ffd787", "#84c6ff", "#e29cf5", "#7fdbe6", "#ffffff",
    ];
    match colour {
        Color::Idx(number) => NAMED.get(usize::from(number)).copied(),
        _ => None,
    }
}

fn piece(out: &mut String, look: &Look, text: &str, start: u16, end: u16, row: u16) {
    let (x, y) = (MARGIN + f32::from(start) * CELL.0, MARGIN + f32::from(row) * CELL.1);
    let wide = f32::from(end - start) * CELL.0;
    if let Some(background) = &look.background {
        let height = CELL.1;
        writeln!(
            out,
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{height}\" fill=\"{background}\"/>"
        )
        .unwrap();
    }
    if text.trim().is_empty() {
        return;
    }
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let fill = if look.foreground == FOREGROUND { String::new() } else { format!(" fill=\"{}\"", look.foreground) };
    let weight = if look.bold { " font-weight=\"bold\"" } else { "" };
    let base = y + 13.0;
    writeln!(out, "<text x=\"{x:.1}\" y=\"{base:.1}\" textLength=\"{wide:.1}\"{fill}{weight}>{text}</text>").unwrap();
}
