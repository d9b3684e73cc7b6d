use axum::routing::{MethodRouter, delete, get, post, put};

use super::{
    definitions, documents, drafts, environments, experiments, flags, groups, hygiene, kills, log, people, publish,
    rollouts, segments, signals,
};
use crate::server::route::{Access, Answer, JSON, Operation, Route, gives, says};
use crate::server::state::Server;

const TAG: &str = "admin";

fn refusals() -> Vec<Answer> {
    vec![
        gives(401, "No token, or one that is not valid", JSON, "Error"),
        gives(403, "The token, or the role of its holder, does not reach so far", JSON, "Error"),
        gives(404, "There is no such thing", JSON, "Error"),
        gives(429, "Too many tokens of this address were refused", JSON, "Error"),
        gives(503, "The project cannot be read at the moment", JSON, "Error"),
    ]
}

fn read(id: &'static str, summary: &'static str) -> Operation {
    let mut answers = vec![gives(200, "With the log's head as ETag", JSON, "Document")];
    answers.extend(refusals());
    Operation { method: "get", id, tag: TAG, summary, access: Access::Token, body: None, answers }
}

fn write(method: &'static str, id: &'static str, summary: &'static str) -> Operation {
    let mut answers = vec![
        gives(200, "What was done, or, with dry_run, would be", JSON, "Document"),
        gives(400, "The body is not such a one", JSON, "Error"),
        gives(409, "The state of things does not allow it, with what is in the way", JSON, "Error"),
        gives(412, "The log's head is another than If-Match names, with what happened since", JSON, "Error"),
        says(413, "The body is longer than 1 MiB"),
        says(415, "The body is no JSON in UTF-8"),
        gives(422, "It makes no sense", JSON, "Error"),
    ];
    answers.extend(refusals());
    Operation { method, id, tag: TAG, summary, access: Access::Token, body: Some((JSON, "Document")), answers }
}

fn route(path: &'static str, handler: MethodRouter<Server>, operations: Vec<Operation>) -> Route {
    Route { path, handler, operations }
}

/// Returns the routes of those who administer. Every one takes `?environment=NAME`; else it is about the one that is served.
pub(in crate::server) fn routes() -> Vec<Route> {
    let mut routes = of_flags();
    routes.extend(of_publishing());
    routes.extend(of_what_flags_share());
    routes.extend(of_evidence());
    routes.extend(of_kills());
    routes.extend(of_people());
    routes.extend(of_the_log());
    routes
}

fn of_flags() -> Vec<Route> {
    vec![
        route(
            "/admin/v1/flags",
            get(flags::list).post(definitions::make),
            vec![read("listFlags", "The flags"), write("post", "makeFlag", "Makes a flag")],
        ),
        route(
            "/admin/v1/flags/{flag}",
            get(flags::show).patch(definitions::edit),
            vec![
                read("showFlag", "One flag, whole"),
                write("patch", "editFlag", "Changes parts of a flag's definition, as RFC 7396 merges them"),
            ],
        ),
        route(
            "/admin/v1/flags/{flag}/clone",
            post(definitions::clone),
            vec![write("post", "cloneFlag", "Copies a flag under another key")],
        ),
        route(
            "/admin/v1/copy",
            post(environments::copy),
            vec![write("post", "copyFlags", "Brings flags of another environment into this one")],
        ),
        route(
            "/admin/v1/flags/{flag}/rollout",
            get(rollouts::show).post(flags::rollout),
            vec![
                read("showRollout", "How a rollout that moves by itself stands, and what its gates read"),
                write("post", "setRollout", "Sets the share that is exposed"),
            ],
        ),
        route(
            "/admin/v1/flags/{flag}/enabled",
            put(flags::switch),
            vec![write("put", "setEnabled", "Lets a flag decide, or serves its off variant to everyone")],
        ),
        route(
            "/admin/v1/flags/{flag}/rename",
            post(flags::rename),
            vec![write("post", "renameFlag", "Gives a flag another key; nobody moves")],
        ),
        route(
            "/admin/v1/flags/{flag}/promote",
            post(flags::promote),
            vec![write("post", "promoteFlag", "Brings a flag to another stage of its life")],
        ),
        route(
            "/admin/v1/flags/{flag}/archive",
            post(flags::archive),
            vec![write("post", "archiveFlag", "Takes a flag out")],
        ),
        route(
            "/admin/v1/definitions",
            get(flags::export).post(flags::apply),
            vec![
                read("exportDefinitions", "The definitions in force, as TOML"),
                write("post", "applyDefinitions", "Makes an environment what a text of definitions says"),
            ],
        ),
        route(
            "/admin/v1/changes",
            post(flags::submit),
            vec![write("post", "submitChanges", "Makes changes in the log's own form, or with dry_run plans them")],
        ),
        route(
            "/admin/v1/draft",
            get(drafts::show).post(drafts::add).delete(drafts::discard),
            vec![
                read("showDraft", "The caller's draft, and what it would do"),
                write("post", "addToDraft", "Adds changes to the caller's draft"),
                Operation { body: None, ..write("delete", "dropDraft", "Drops the caller's draft") },
            ],
        ),
        route(
            "/admin/v1/draft/apply",
            post(drafts::apply),
            vec![write("post", "applyDraft", "Applies the caller's draft as one")],
        ),
    ]
}

fn of_publishing() -> Vec<Route> {
    vec![
        route(
            "/admin/v1/documents/{document}",
            get(documents::show).put(documents::push).delete(documents::withdraw),
            vec![
                Operation {
                    answers: vec![gives(200, "The document", JSON, "Envelope")],
                    ..read("showDocument", "A signed document as it is published: snapshot, kills, root-1 and the like")
                },
                Operation {
                    body: Some((JSON, "Envelope")),
                    ..write("put", "pushDocument", "Takes in a document that was signed elsewhere, as clients would")
                },
                Operation {
                    body: None,
                    ..write(
                        "delete",
                        "withdrawDocument",
                        "Takes the kills document away once it has nothing left to say",
                    )
                },
            ],
        ),
        route(
            "/admin/v1/publish",
            post(publish::publish),
            vec![write("post", "publish", "Signs a snapshot and publishes it where the environment is served")],
        ),
    ]
}

fn of_what_flags_share() -> Vec<Route> {
    vec![
        route("/admin/v1/segments", get(segments::list), vec![read("listSegments", "Named conditions")]),
        route(
            "/admin/v1/segments/{segment}",
            get(segments::show).put(segments::set).delete(segments::remove),
            vec![
                read("showSegment", "One named condition, and what uses it"),
                write("put", "setSegment", "Makes or changes a named condition"),
                write("delete", "removeSegment", "Removes a named condition that nothing uses"),
            ],
        ),
        route("/admin/v1/groups", get(groups::list), vec![read("listGroups", "Exclusion groups")]),
        route(
            "/admin/v1/groups/{group}",
            get(groups::show).put(groups::make).delete(groups::remove),
            vec![
                read("showGroup", "One exclusion group, and who owns which part of it"),
                write("put", "makeGroup", "Makes an exclusion group"),
                write("delete", "removeGroup", "Removes an exclusion group that has no flags"),
            ],
        ),
        route(
            "/admin/v1/groups/{group}/flags/{flag}",
            put(groups::bring).delete(groups::take),
            vec![
                write("put", "joinGroup", "Brings a flag into an exclusion group"),
                write("delete", "leaveGroup", "Takes a flag out of an exclusion group"),
            ],
        ),
        route(
            "/admin/v1/environments",
            get(environments::list).post(environments::make),
            vec![
                read("listEnvironments", "The environments"),
                write("post", "makeEnvironment", "Makes an environment, empty or as another one is"),
            ],
        ),
        route(
            "/admin/v1/signals",
            get(signals::list).post(signals::raise),
            vec![
                read("listSignals", "The bugs that are signalled"),
                write("post", "raiseSignal", "Signals a bug of what a flag turns on"),
            ],
        ),
        route(
            "/admin/v1/signals/{signal}/clear",
            post(signals::clear),
            vec![write("post", "clearSignal", "Clears a signal that is dealt with")],
        ),
    ]
}

fn of_evidence() -> Vec<Route> {
    vec![
        route(
            "/admin/v1/rollouts",
            get(rollouts::list),
            vec![read("listRollouts", "The rollouts that move by themselves")],
        ),
        route(
            "/admin/v1/flags/{flag}/rollout/start",
            post(rollouts::start),
            vec![write("post", "startRollout", "Starts a rollout that moves by itself")],
        ),
        route(
            "/admin/v1/flags/{flag}/rollout/replay",
            get(rollouts::replay),
            vec![read("replayRollout", "Makes every decision of a rollout again from the log, and compares")],
        ),
        route(
            "/admin/v1/flags/{flag}/rollout/{event}",
            post(rollouts::step),
            vec![write("post", "moveRollout", "Moves a rollout: advance, back, pause, resume, abort or tick")],
        ),
        route(
            "/admin/v1/flags/{flag}/cells",
            get(rollouts::counts),
            vec![read("listCells", "What anonymous reports of a flag come to, from ?since=DAY on")],
        ),
        route(
            "/admin/v1/flags/{flag}/why",
            post(hygiene::why),
            vec![write("post", "explain", "What a flag comes to for a unit, and why; changes nothing")],
        ),
        route("/admin/v1/experiments", get(experiments::list), vec![read("listExperiments", "The experiments")]),
        route(
            "/admin/v1/experiments/{flag}",
            get(experiments::analyze),
            vec![read("analyzeExperiment", "Compares two variants by what reports say, and what that decides")],
        ),
        route(
            "/admin/v1/experiments/{flag}/conclude",
            post(experiments::conclude),
            vec![write("post", "concludeExperiment", "Ends an experiment: everyone gets one variant")],
        ),
        route("/admin/v1/lint", get(hygiene::lint), vec![read("lint", "Holds the definitions against the rules")]),
        route("/admin/v1/stale", get(hygiene::stale), vec![read("listStale", "The flags that should go")]),
        route(
            "/admin/v1/past",
            get(hygiene::past),
            vec![read("showPast", "The flags and kills as they were at ?at=SEQ or a time")],
        ),
    ]
}

fn of_kills() -> Vec<Route> {
    vec![
        route(
            "/admin/kill-switches",
            post(kills::switches),
            vec![write(
                "post",
                "flipKillSwitches",
                "Kills what is named: {\"telemetry_disabled\": true}, and publishes it",
            )],
        ),
        route(
            "/admin/v1/kills",
            get(kills::list).post(kills::kill),
            vec![
                read("listKills", "The kills that stand, and what is watched since its kill was lifted"),
                write("post", "kill", "Turns a flag or capability off, and publishes that at once"),
            ],
        ),
        route(
            "/admin/v1/kills/{kill}/report",
            get(kills::report),
            vec![read("reportKill", "The draft of a post-mortem")],
        ),
        route(
            "/admin/v1/kills/{kill}/lift",
            post(kills::lift),
            vec![write("post", "liftKill", "Lifts the kills of a target")],
        ),
        route(
            "/admin/v1/kills/{kill}/reason",
            put(kills::explain),
            vec![write("put", "explainKill", "Says why something was killed")],
        ),
    ]
}

fn of_people() -> Vec<Route> {
    vec![
        route(
            "/admin/v1/whoami",
            get(people::whoami),
            vec![read("whoami", "Who calls, and what the token is good for")],
        ),
        route("/admin/v1/members", get(people::members), vec![read("listMembers", "Who may change what")]),
        route(
            "/admin/v1/members/{member}",
            put(people::set_member).delete(people::dismiss),
            vec![
                write("put", "setMember", "Makes somebody a member, or gives a member another role"),
                write("delete", "removeMember", "Takes somebody off the members"),
            ],
        ),
        route(
            "/admin/v1/tokens",
            get(people::tokens).post(people::issue),
            vec![
                read("listTokens", "The tokens, with when each was last used"),
                write("post", "issueToken", "Issues a token; its secret is answered once"),
            ],
        ),
        route(
            "/admin/v1/tokens/{token}",
            delete(people::revoke),
            vec![write("delete", "revokeToken", "Revokes a token, named by its id")],
        ),
        route("/admin/v1/requests", get(people::requests), vec![read("listRequests", "What waits for approval")]),
        route(
            "/admin/v1/requests/{request}/approve",
            post(people::approve),
            vec![write("post", "approveRequest", "Approves a request, and makes its changes")],
        ),
        route(
            "/admin/v1/requests/{request}/reject",
            post(people::reject),
            vec![write("post", "rejectRequest", "Turns a request down")],
        ),
        route(
            "/admin/v1/approvals",
            put(people::require),
            vec![write("put", "requireApprovals", "Lets every change need so many approvals, 0 or 1")],
        ),
    ]
}

fn of_the_log() -> Vec<Route> {
    vec![
        route(
            "/admin/v1/log",
            get(log::log),
            vec![read("showLog", "What changed, oldest first; ?limit=N for the last ones")],
        ),
        route(
            "/admin/v1/log/rows",
            get(log::rows),
            vec![read("logRows", "Entries as they are stored, after ?after=SEQ")],
        ),
        route(
            "/admin/v1/state",
            get(log::state),
            vec![read("showState", "What the log comes to in the environments that the token is for")],
        ),
        route(
            "/admin/v1/log/checkpoint",
            get(log::checkpoint),
            vec![read("logCheckpoint", "The checkpoint that the log seals")],
        ),
        route(
            "/admin/v1/audit",
            get(log::verify),
            vec![read("verifyLog", "Proves the log, and names the first bad entry")],
        ),
        route(
            "/admin/v1/undo",
            post(log::undo),
            vec![write("post", "undo", "Takes a change back by a new, inverse change")],
        ),
    ]
}
