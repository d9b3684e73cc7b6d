use flag_core::wire::{Kind, OptIn, Serve, Snapshot, Stage};
use flag_core::{Attributes, Context, Ruleset, Share, Timestamp, Value};

use super::*;

const SAMPLE: &str = include_str!("../../../sample/flags.toml");

fn sample() -> Definitions {
    Definitions::from_toml(SAMPLE, "sample/flags.toml").unwrap()
}

fn ruleset(definitions: &Definitions) -> Ruleset {
    let ruleset = Ruleset::compile(&Snapshot {
        schema: wire::SCHEMA,
        project: "caro".into(),
        environment: "production".into(),
        epoch: 1,
        version: 1,
        issued_at: Timestamp::from_millis(0),
        expires_at: Timestamp::from_millis(1),
        audit_head: None,
        flags: definitions.flags.iter().map(|(key, found)| (key.into(), found.flag.clone())).collect(),
        segments: definitions.segments.clone(),
        groups: definitions.groups.clone(),
        kills: Vec::new(),
        lifted: Vec::new(),
    });
    assert_eq!(ruleset.quarantined().count(), 0);
    ruleset
}

#[test]
fn the_sample_holds_the_flags_it_teaches() {
    let sample = sample();
    let found: Vec<(&str, Kind, Stage, OptIn)> =
        sample.flags.iter().map(|(key, d)| (key, d.flag.kind, d.flag.stage, d.flag.opt_in)).collect();
    let expected = [
        ("telemetry_cloud_sync", Kind::Release, Stage::Beta, OptIn::Required),
        ("enhanced_safety_v2", Kind::Release, Stage::Beta, OptIn::Allowed),
        ("command_history", Kind::Release, Stage::Internal, OptIn::None),
        ("mlx_backend", Kind::Ops, Stage::Ga, OptIn::None),
        ("ollama_backend", Kind::Ops, Stage::Ga, OptIn::None),
        ("command_model_comparison", Kind::Experiment, Stage::Beta, OptIn::None),
        ("telemetry", Kind::KillSwitch, Stage::Ga, OptIn::None),
        ("llm_backends", Kind::KillSwitch, Stage::Ga, OptIn::None),
        ("command_execution", Kind::KillSwitch, Stage::Ga, OptIn::None),
    ];
    assert_eq!(found, expected);
    let flag = |key: &str| &sample.flags.find(key).unwrap().flag;
    for (key, percent) in [
        ("telemetry_cloud_sync", 25),
        ("enhanced_safety_v2", 50),
        ("command_history", 0),
        ("mlx_backend", 0),
        ("ollama_backend", 0),
        ("command_model_comparison", 100),
    ] {
        assert_eq!(flag(key).fallthrough.exposure, Some(Share::from_percent(percent).unwrap()), "{key}");
    }
    for key in ["telemetry", "llm_backends", "command_execution"] {
        assert_eq!(flag(key).fallthrough, Serve::variant("on"), "{key}");
    }
    assert_eq!(
        flag("telemetry_cloud_sync").prerequisites,
        [wire::Prerequisite { flag: "telemetry".parse().unwrap(), variants: vec!["on".into()] }]
    );
    assert!(flag("ollama_backend").overridable);
    assert_eq!(flag("command_model_comparison").variants.find("treatment"), Some(&Value::String("qwen2-1.5b".into())));
    assert_eq!(
        sample.weights("command_model_comparison", &flag_core::Place::Fallthrough),
        Some(vec![("control".into(), 50_000), ("treatment".into(), 50_000)])
    );
}

#[test]
fn the_sample_documents_every_flag() {
    for (key, Definition { flag, documentation, .. }) in sample().flags.iter() {
        let Documentation { description, owner, added, default, expires, status, rollout, .. } = documentation;
        let Documentation { rollback, privacy, tracking, risks, metrics, .. } = documentation;
        for (what, text) in [
            ("description", description),
            ("owner", owner),
            ("default", default),
            ("status", status),
            ("rollout", rollout),
            ("rollback", rollback),
            ("privacy", privacy),
            ("tracking", tracking),
        ] {
            assert!(text.is_some(), "{key} has no {what}");
        }
        assert!(added.is_some() && !risks.is_empty() && !metrics.is_empty(), "{key}");
        assert_eq!(expires.is_some(), matches!(flag.kind, Kind::Release | Kind::Experiment), "{key}");
    }
}

#[test]
fn the_sample_documents_the_cloud_sync_as_its_owner_does() {
    let sample = sample();
    let documentation = &sample.flags.find("telemetry_cloud_sync").unwrap().documentation;
    assert_eq!(
        serde_json::to_value(documentation).unwrap(),
        serde_json::json!({
            "description": "Enable cloud sync for telemetry data",
            "owner": "@alice",
            "added": {"version": "v1.2.0", "date": "2026-02-01"},
            "default": "false (opt-in)",
            "expires": {"version": "v1.3.0", "date": "2026-05-01"},
            "status": "Beta testing",
            "rollout": "25% of opted-in users (2026-02-10)",
            "risks": [
                "Privacy: Ensure no PII in synced data",
                "Performance: Additional network latency",
                "Cost: Backend infrastructure costs"
            ],
            "metrics": [
                {"name": "sync_success_rate", "target": ">95%"},
                {"name": "sync_latency", "target": "<500ms"},
                {"name": "error_rate", "target": "<5%"}
            ],
            "rollback": "Disable flag remotely, local-only fallback",
            "privacy": "Zero PII, encrypted in transit",
            "tracking": "Issue #245"
        })
    );
    let mlx = &sample.flags.find("mlx_backend").unwrap().documentation;
    assert_eq!(mlx.tags, ["platform"]);
}

#[test]
fn the_sample_decides_as_its_comments_say() {
    let sample = sample();
    let mut ruleset = ruleset(&sample);
    let attributes = |pairs: &[(&str, &str)]| {
        pairs.iter().fold(Attributes::default(), |all, (name, value)| all.with(*name, Value::String((*value).into())))
    };
    let (team, mac) = (attributes(&[("team", "core")]), attributes(&[("os", "macos"), ("arch", "aarch64")]));
    let intel = attributes(&[("os", "macos"), ("arch", "x86_64")]);
    for (flag, attributes, on) in [
        ("command_history", &team, true),
        ("command_history", &mac, false),
        ("mlx_backend", &mac, true),
        ("mlx_backend", &intel, false),
        ("ollama_backend", &team, false),
        ("telemetry", &team, true),
        ("command_execution", &intel, true),
    ] {
        let context = Context::new("install-7").with_attributes(attributes);
        assert_eq!(ruleset.evaluate(flag, &context).bool(), Ok(on), "{flag} {attributes:?}");
    }
    let exposed = |ruleset: &Ruleset, flag: &str, variant: &str| {
        let ids = (0..2_000).map(|n| format!("install-{n}"));
        ids.filter(|id| ruleset.evaluate(flag, &Context::new(id)).variant() == Some(variant)).count()
    };
    // Two thousand units lie within four standard deviations of the share.
    assert!((911..=1_089).contains(&exposed(&ruleset, "enhanced_safety_v2", "on")));
    assert!((911..=1_089).contains(&exposed(&ruleset, "command_model_comparison", "treatment")));
    assert_eq!(exposed(&ruleset, "telemetry_cloud_sync", "on"), 0);
    ruleset.choose("telemetry_cloud_sync", flag_core::LocalChoice::OptIn).unwrap();
    assert!((423..=577).contains(&exposed(&ruleset, "telemetry_cloud_sync", "on")));
    ruleset.kill("telemetry");
    assert_eq!(exposed(&ruleset, "telemetry_cloud_sync", "on"), 0);
}

#[test]
fn the_sample_reads_back_from_its_printed_form() {
    let sample = sample();
    let printed = sample.to_toml();
    assert_eq!(Definitions::from_toml(&printed, "printed.toml").unwrap(), sample);
    // What decides is printed as it was written, comments aside.
    for line in SAMPLE.lines().map(|line| line.split("  #").next().unwrap_or_default().trim_end()) {
        if !line.starts_with('#') && !line.contains("{ name = ") && !line.starts_with(']') && !line.ends_with('[') {
            assert!(printed.contains(line), "{line}");
        }
    }
}
