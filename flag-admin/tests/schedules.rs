//! Schedules: when a rollout may take which step.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test stops at the first surprise")]

use flag_admin::rollout::{Plan, Schedule};
use flag_core::{Share, Timestamp};
use proptest::prelude::*;

fn custom(text: &str) -> Result<Schedule, String> {
    Plan::from_toml(text, "plan.toml").map(|plan| plan.schedule).map_err(|error| error.to_string())
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[test]
fn the_named_schedules_are_those_of_the_strategy() {
    let days = |name: &str| -> Vec<(String, i64)> {
        let schedule = Schedule::named(name).unwrap();
        let day = |millis: i64| millis / 86_400_000 + 1;
        schedule.steps().iter().map(|step| (step.share.to_string(), day(step.after.millis()))).collect()
    };
    let expected = |pairs: &[(&str, i64)]| -> Vec<(String, i64)> {
        pairs.iter().map(|(share, day)| ((*share).to_owned(), *day)).collect()
    };
    assert_eq!(
        days("standard"),
        expected(&[("1%", 1), ("5%", 2), ("10%", 4), ("25%", 6), ("50%", 8), ("75%", 10), ("100%", 12)])
    );
    assert_eq!(days("accelerated"), expected(&[("10%", 1), ("50%", 2), ("100%", 3)]));
    assert_eq!(
        days("cautious"),
        expected(&[("1%", 1), ("5%", 8), ("10%", 15), ("25%", 22), ("50%", 29), ("100%", 36)])
    );
    assert!(Schedule::named("reckless").is_none());
}

#[test]
fn a_schedule_of_ones_own_is_read_and_written_back() {
    let schedule = custom(
        "[schedule]\nname = \"office\"\nsoak = \"36h\"\nutc_offset_minutes = 60\n\
         steps = [{ share = \"0.5%\", after = \"0h\" }, { share = 50, after = \"3d\", approval = true }]\n\
         windows = [{ days = [\"mon\", \"tue\"], from = \"09:00\", to = \"17:00\" }]\n",
    )
    .unwrap();
    assert_eq!((schedule.name(), schedule.steps().len(), schedule.steps()[1].approval), ("office", 2, true));
    let again: Schedule = serde_json::from_str(&serde_json::to_string(&schedule).unwrap()).unwrap();
    assert_eq!(again, schedule);
}

#[test]
fn e36_e37_e38_e39_steps_that_cannot_be_are_refused() {
    for (steps, message) in [
        ("", "the schedule has no steps"),
        ("{ share = \"0%\", after = \"0h\" }", "step 1 exposes nobody, expected a share above 0%"),
        (
            "{ share = \"50%\", after = \"0h\" }, { share = \"25%\", after = \"1d\" }",
            "step 2 (25%) is not above step 1 (50%)",
        ),
        (
            "{ share = \"5%\", after = \"2d\" }, { share = \"25%\", after = \"2d\" }",
            "step 2 is at 2d after the start, not later than step 1 at 2d",
        ),
    ] {
        let error = serde_json::from_value::<Schedule>(
            toml::from_str::<serde_json::Value>(&format!("steps = [{steps}]")).unwrap(),
        );
        assert_eq!(error.unwrap_err().to_string(), message);
    }
    for plan in [
        "schedule = { steps = [{ share = \"101%\", after = \"0h\" }] }",
        "schedule = { steps = [{ share = 101, after = \"0h\" }] }",
        "schedule = { steps = [{ share = \"5%\", after = 86400 }] }",
        "schedule = { steps = [{ share = \"5%\", after = \"0h\" }], windows = [{ from = \"09:00\", to = \"09:00\" }] }",
        "schedule = { steps = [{ share = \"5%\", after = \"0h\" }], windows = [{ from = \"17:00\", to = \"09:00\" }] }",
        "schedule = { steps = [{ share = \"5%\", after = \"0h\" }], utc_offset_minutes = 3600 }",
        "schedule = \"reckless\"",
        "policy = { alpha = 0.0 }",
        "policy = { error = { pause = \"20%\", rollback = \"5%\" } }",
        "policy = { min_reports = 1 }",
        "policy = { limit = \"5%\" }",
    ] {
        assert!(custom(plan).is_err(), "{plan}");
    }
    assert_eq!(
        custom("schedule = \"reckless\"").unwrap_err(),
        "schedule \"reckless\" does not exist, expected standard, accelerated or cautious"
    );
    assert_eq!(custom("policy = { alpha = 0.0 }").unwrap_err(), "policy: alpha is not a rate above 0% and below 100%");
}

#[test]
fn change_windows_open_at_their_hours_of_their_days() {
    let schedule = custom(
        "[schedule]\nutc_offset_minutes = 120\nsteps = [{ share = \"5%\", after = \"0h\" }]\n\
         windows = [{ days = [\"mon\", \"thu\"], from = \"09:00\", to = \"17:00\" }]\n",
    )
    .unwrap();
    // 2026-06-01 is a Monday; nine o'clock two hours east of Greenwich is seven there.
    for (now, opens) in [
        ("2026-06-01T06:59:59Z", "2026-06-01T07:00:00Z"),
        ("2026-06-01T07:00:00Z", "2026-06-01T07:00:00Z"),
        ("2026-06-01T14:59:59Z", "2026-06-01T14:59:59Z"),
        ("2026-06-01T15:00:00Z", "2026-06-04T07:00:00Z"),
        ("2026-06-05T12:00:00Z", "2026-06-08T07:00:00Z"),
    ] {
        assert_eq!(schedule.next_window(time(now)), time(opens), "{now}");
    }
}

proptest! {
    #[test]
    fn e36_a_place_past_the_end_is_the_last_step(place in 0_usize..100, started in -4_000_000_000_000_i64..4_000_000_000_000) {
        for name in Schedule::NAMES {
            let schedule = Schedule::named(name).unwrap();
            let share = schedule.step(place).unwrap().share;
            prop_assert!(share > Share::NOBODY && share <= Share::EVERYONE);
            prop_assert_eq!(schedule.is_last(place), share == Share::EVERYONE);
            let started = Timestamp::from_millis(started);
            prop_assert!(schedule.earliest(place, started) >= started);
        }
    }

    #[test]
    fn a_window_opens_now_or_within_a_week(now in 0_i64..4_000_000_000_000, from in 0_u16..23, offset in -720_i32..=840) {
        let text = format!(
            "[schedule]\nutc_offset_minutes = {offset}\nsteps = [{{ share = 5, after = \"0h\" }}]\n\
             windows = [{{ days = [\"wed\"], from = \"{from:02}:00\", to = \"{:02}:30\" }}]\n", from + 1
        );
        let schedule = custom(&text).unwrap();
        let now = Timestamp::from_millis(now);
        let opens = schedule.next_window(now);
        prop_assert!(opens >= now && opens.as_millis() - now.as_millis() <= 7 * 86_400_000);
        prop_assert_eq!(schedule.next_window(opens), opens);
    }
}
