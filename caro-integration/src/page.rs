//! The page on features for users, written from the declarations.

use std::fmt::Write as _;

use flag_client::docs;

use crate::flags;

/// Returns the page in Markdown: each feature with its status and what becomes of the user's data, how to manage features, how to switch
/// something off at once, and where to say what one thinks of it.
///
/// It is the same wherever it is written. The repository's `FEATURES.md` is this page.
pub fn user_page(feedback_channels: &[&str]) -> String {
    let mut page = INTRODUCTION.to_owned();
    let features = docs::Page::of(flags::ALL).enabled_by("caro features enable");
    // Text takes whatever is written to it.
    let _ = write!(page, "\n{features}\n{MANAGING}");
    if !feedback_channels.is_empty() {
        page.push_str("\n### Providing Feedback\n\n");
        page.push_str("Try experimental features, say whether they work for you, and tell us more:\n\n");
        page.push_str("```bash\ncaro features feedback <feature_name> --good\n```\n\n");
        page.extend(feedback_channels.iter().flat_map(|channel| ["- ", channel, "\n"]));
    }
    page
}

const INTRODUCTION: &str = "\
## Experimental Features

Caro includes experimental features that you can opt into. These features are under active development and may change.
";

const MANAGING: &str = "\
### Managing Features

```bash
# List all features
caro features list

# Enable a feature
caro features enable <feature_name>

# Disable a feature
caro features disable <feature_name>

# Ask why a feature is on or off
caro features why <feature_name>

# Reset to defaults
caro features reset
```

Turning an experimental feature off for yourself is always obeyed. If a rollout has not reached you yet, `enable` says so, and the
feature turns on by itself when it does.

The table says what users may turn on where caro has published flags. Without a published snapshot every non-critical feature that is on or
off can be turned on.

### Switching Something Off at Once

```bash
# No telemetry at all on this machine
caro features kill-switch --enable telemetry_disabled

# Back to normal
caro features kill-switch --disable telemetry_disabled
```

Where the configuration cannot be written, `CARO_KILL=telemetry` in the environment does the same.

### Your Privacy

Who gets a feature first is drawn from a random number that is made on your machine, never sent, and renewed by
`caro features reset --id`. It has nothing to do with you or your hardware. Features work the same with telemetry off.

`caro features report --show` prints every byte that would be reported, if you agreed to reports: what happened to one feature on one
day, with no name, no number that stands for you, and nothing you typed. `caro features report --clear` removes it.
";
