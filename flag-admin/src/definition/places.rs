use std::collections::HashMap;

/// Where the places of an authoring file stand in its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    marks: HashMap<String, usize>,
    /// The byte at which each line starts.
    lines: Vec<usize>,
    text: Box<str>,
}

impl Places {
    /// Takes the byte at which each dotted place of a text stands.
    pub(super) fn new(marks: HashMap<String, usize>, text: &str) -> Self {
        let after = |(at, _): (usize, &str)| at + 1;
        let lines = std::iter::once(0).chain(text.match_indices('\n').map(after)).collect();
        Self { marks, lines, text: text.into() }
    }

    /// Returns line and column, both from 1 and in characters, of a dotted place such as `flags.command_history.rules[0].when`: its own, or
    /// those of the nearest place around it. `None` where the file has nothing around it.
    pub fn position(&self, place: &str) -> Option<(usize, usize)> {
        let mut around = place;
        let at = loop {
            match self.marks.get(around) {
                Some(at) => break *at,
                None => around = around.get(..around.rfind(['.', '['])?)?,
            }
        };
        let line = self.lines.partition_point(|start| *start <= at);
        let start = *self.lines.get(line.checked_sub(1)?)?;
        Some((line, self.text.get(start..at)?.chars().count() + 1))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Definitions;

    #[test]
    fn places_stand_where_the_text_has_them_or_what_is_around_them() {
        let text = "# \u{fc}ber\n[flags.a_b]\nstage = \"beta\"\n[[flags.a_b.rules]]\nid = \"r\"\nwhen = { attribute = \"os\", operator = \"exists\" }\nserve = \"on\"\n";
        let (_, places) = Definitions::from_toml_with_places(text, "flags.toml").unwrap();
        for (place, position) in [
            ("flags.a_b.stage", Some((3, 9))),
            ("flags.a_b.rules[0].when", Some((6, 8))),
            ("flags.a_b.rules[0].when.attribute", Some((6, 22))),
            ("flags.a_b.rules[0].none", places.position("flags.a_b.rules[0]")),
            ("flags.a_b.documentation.owner", places.position("flags.a_b")),
            ("segments.none", None),
        ] {
            assert_eq!(places.position(place), position, "{place}");
        }
        assert_eq!(places.position("flags.a_b").map(|(line, _)| line), Some(2));
    }
}
