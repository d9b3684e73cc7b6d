//! What reports of installations change on the screen, while it is looked at.

use flag_client::Day;

use super::fixture::Session;
use crate::app::ports::CellStore as _;

/// How often the dashboard looks at an unchanged log before it reads reports again.
const LOOKS: usize = 15;

/// Lets machines report their first day with a flag: how many, in which variant, at which step, and how many of sixteen uses failed. Of a
/// metric, every fourth machine tells as many failures.
fn report(session: &mut Session, flag: &str, machines: u32, variant: &str, step: u32, failed: u32) {
    let (day, now) = (Day::of(session.model.now), session.model.now);
    let environment = session.desk.environment.clone();
    let nonce = nonce(variant);
    for machine in 0..machines {
        let had_error = u8::from(failed > 0);
        let success = if machine % 4 == 0 { 16 - failed } else { 15 };
        let text = format!(
            r#"{{"v":1,"flag":"{flag}","variant":"{variant}","stage":{step},"day":"{day}","first_in_stage":1,"had_error":{had_error},"crashed":0,"err_frac":{failed},"slow_frac":null,"lat":[[320,16]],"fb_pos":0,"fb_neg":0,"metrics":{{"command_success_rate":{success}}},"nonce":"{nonce}{machine:012x}"}}"#
        );
        let report = flag_client::report::parse(text.as_bytes()).unwrap();
        session.cells.add(&environment, &report, now).unwrap();
    }
}

/// Returns the beginning of a nonce, another one for each variant.
fn nonce(variant: &str) -> String {
    let sum: u32 = variant.bytes().map(u32::from).sum();
    format!("{sum:020x}")
}

#[test]
fn reports_that_come_without_a_change_of_the_log_are_shown_after_a_while() {
    let mut session = Session::new(100, 40);
    session.press("3");
    assert!(!session.screen().contains("300 units"), "{}", session.screen());
    for (variant, units) in [("control", 300), ("treatment", 310)] {
        report(&mut session, "command_model_comparison", units, variant, 100_000, 0);
    }
    for _ in 1..LOOKS {
        session.look();
    }
    assert!(!session.screen().contains("300 units"), "they are read from time to time, not at each look");
    let head = session.model.facts.head;
    session.look();
    let screen = session.screen();
    assert!(screen.contains("300 units") && screen.contains("310 units"), "{screen}");
    assert_eq!((session.model.facts.head, session.model.notice.is_none()), (head, true), "nobody changed anything");
}

#[test]
fn a_rollout_shows_what_its_gates_read() {
    for (columns, rows) in [(80, 24), (100, 30), (160, 45)] {
        let mut session = Session::new(columns, rows);
        session.press("/ mlx Enter E Enter Enter");
        session.wait(86_400_000);
        report(&mut session, "mlx_backend", 400, "on", 1_000, 3);
        report(&mut session, "mlx_backend", 420, "off", 1_000, 0);
        (0..LOOKS).for_each(|_| session.look());
        session.press("Enter");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("gates_{columns}x{rows}"), session.screen());
        });
    }
}

#[test]
fn an_experiment_shows_its_effect_in_words_and_to_scale() {
    for (columns, rows) in [(80, 24), (100, 30), (160, 45)] {
        let mut session = Session::new(columns, rows);
        for (variant, units, failed) in [("control", 600, 3), ("treatment", 610, 0)] {
            report(&mut session, "command_model_comparison", units, variant, 100_000, failed);
        }
        (0..LOOKS).for_each(|_| session.look());
        session.press("3");
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(format!("effect_{columns}x{rows}"), session.screen());
        });
    }
}
