//! A panic and an error while the terminal is taken over: the test program starts itself on a pseudo-terminal, and fails there.
#![cfg(unix)]

use std::io::Read as _;

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

use crate::tui::terminal::TerminalGuard;

/// Set for the program that is to panic.
const CHILD: &str = "FLAG_ADMIN_TEST_TAKEOVER";

#[test]
fn a_panic_gives_the_terminal_back_before_it_is_printed() {
    if is_child() {
        let _guard = TerminalGuard::take(crate::tui::Mouse::On).unwrap();
        panic!("on purpose");
    }
    assert_given_back_before_it_is_said("a_panic_gives_the_terminal_back_before_it_is_printed");
}

#[test]
fn an_error_gives_the_terminal_back_before_it_is_printed() -> std::io::Result<()> {
    if is_child() {
        let _guard = TerminalGuard::take(crate::tui::Mouse::On)?;
        return Err(std::io::Error::other("on purpose"));
    }
    assert_given_back_before_it_is_said("an_error_gives_the_terminal_back_before_it_is_printed");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the test tells its child from itself by the environment")]
fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// Starts a test of this file again as a child, and sees what it leaves on its terminal.
fn assert_given_back_before_it_is_said(test: &str) {
    let pty = native_pty_system().openpty(PtySize { rows: 24, cols: 80, pixel_width: 0, pixel_height: 0 }).unwrap();
    let before = pty.master.get_termios().unwrap();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "--nocapture", "--test-threads=1"]);
    command.arg(format!("tui::tests::takeover::{test}"));
    command.env(CHILD, "1");
    let mut child = pty.slave.spawn_command(command).unwrap();
    let mut reader = pty.master.try_clone_reader().unwrap();
    let output = std::thread::spawn(move || {
        let (mut output, mut bytes) = (Vec::new(), [0; 4_096]);
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            output.extend_from_slice(bytes.get(..count).unwrap_or_default());
        }
        String::from_utf8_lossy(&output).into_owned()
    });
    assert!(!child.wait().unwrap().success());
    let after = pty.master.get_termios().unwrap();
    drop(pty);
    let output = output.join().unwrap();
    let place = |text: &str| output.find(text).unwrap_or_else(|| panic!("{text:?} is not in {output:?}"));
    assert!(place("\u{1b}[?1049h") < place("\u{1b}[?1049l"));
    assert!(place("\u{1b}[?1049l") < place("on purpose"));
    assert!(place("\u{1b}[?2004l") < place("on purpose"));
    assert_eq!(after, before);
}
