//! Reads and compiles one flag in one go, if it is sound and spelled as publishers do.

use alloc::boxed::Box;
use alloc::vec::Vec;

use crate::Share;
use crate::flag::{self, Compiler, Flag};
use crate::wire::{self, Cursor, FlagForm, Passed, RuleForm, ServeForm, Served, When};

/// The members that have been seen, each of which stands once or not at all.
#[derive(Default)]
struct Seen(u32);

impl Seen {
    /// Returns what was read of a member, unless it was seen before.
    #[inline]
    fn once<T>(&mut self, member: u32, read: Option<T>) -> Option<T> {
        let bit = 1_u32.wrapping_shl(member);
        let is_first = self.0 & bit == 0;
        self.0 |= bit;
        read.filter(|_| is_first)
    }
}

/// Reads and compiles a flag, and returns it with its prerequisites. Of one that has something wrong with it, or merely unusual, nothing is
/// returned: through the published form it is found out which.
pub(super) fn read_flag(
    cursor: &mut Cursor<'_>,
    key: &str,
    compiler: &mut Compiler<'_>,
) -> Option<(Flag, Vec<wire::Prerequisite>)> {
    let mut form = FlagForm::unsaid();
    let (mut rules, mut fallthrough) = (Vec::new(), None);
    let (mut seen, mut passed) = (Seen::default(), Passed::Nothing);
    cursor.take(b'{')?;
    while let Some(member) = cursor.member(&mut passed)? {
        match member {
            "version" => form.version = seen.once(0, cursor.whole())?,
            "stage" => form.stage = seen.once(1, cursor.one_of())?,
            "kind" => form.kind = seen.once(2, cursor.one_of())?,
            "fallthrough" => fallthrough = Some(seen.once(3, read_serve(cursor))?),
            "rules" => rules = seen.once(4, read_rules(cursor, compiler))?,
            "enabled" => form.enabled = seen.once(5, cursor.boolean())?,
            "overridable" => form.overridable = seen.once(6, cursor.boolean())?,
            "opt_in" => form.opt_in = seen.once(7, cursor.one_of())?,
            "critical" => form.critical = seen.once(8, cursor.boolean())?,
            "default_on_expiry" => form.default_on_expiry = seen.once(9, cursor.boolean())?,
            "holdout" => form.holdout = Share::from_wire(seen.once(10, cursor.whole())?).ok()?,
            "seed" => form.seed = Some(seen.once(11, cursor.string())?.into()),
            "unit" => form.unit = Some(seen.once(12, cursor.string())?.into()),
            "off_variant" => form.off_variant = Some(seen.once(13, cursor.string())?.into()),
            "variants" => form.variants = Some(seen.once(14, cursor.value())?),
            "prerequisites" => form.prerequisites = seen.once(15, cursor.value())?,
            "group" => form.group = Some(seen.once(16, cursor.value())?),
            "slow_above_micros" => form.slow_above_micros = seen.once(17, cursor.value())?,
            // The rest is rare, or newer than this version.
            _ => return None,
        }
    }
    let (mut key, served) = (key.into(), Served { rules, fallthrough: fallthrough? });
    let flag = flag::compile(&mut key, &mut form, served, compiler).ok()?;
    Some((flag, form.prerequisites))
}

fn read_rules<'a>(cursor: &mut Cursor<'a>, compiler: &mut Compiler<'_>) -> Option<Vec<RuleForm<'a>>> {
    cursor.take(b'[')?;
    let (mut passed, mut rules) = (Passed::Nothing, Vec::new());
    while cursor.element(&mut passed)? {
        let mut passed = Passed::Nothing;
        cursor.take(b'{')?;
        // In the order in which they are written.
        let id = cursor.member(&mut passed)?.filter(|name| *name == "id").and_then(|_| cursor.string())?;
        let when = cursor.member(&mut passed)?.filter(|name| *name == "when");
        let when = when.and_then(|_| compiler.segments.read(cursor))?;
        let serve = cursor.member(&mut passed)?.filter(|name| *name == "serve").and_then(|_| read_serve(cursor))?;
        cursor.take(b'}')?;
        rules.push(RuleForm { id: id.into(), when: When::Compiled(when), serve });
    }
    Some(rules)
}

fn read_serve<'a>(cursor: &mut Cursor<'a>) -> Option<ServeForm<'a>> {
    match cursor.visible()? {
        b'"' => cursor.string().map(ServeForm::Variant),
        b'{' => cursor.value().map(|serve| ServeForm::Published(Box::new(serve))),
        _ => Share::from_wire(cursor.whole()?).ok().map(ServeForm::Share),
    }
}
