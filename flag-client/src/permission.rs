//! Which local settings are obeyed, and what they mean for a flag.

use flag_core::Flag;
use flag_core::wire::{Kind, OptIn};

use crate::builder::BuildKind;
use crate::decision::{Effect, Layer, LocalValue, Permission, Refusal};

/// Who has a say over a flag beside the user.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// A snapshot is in force: what it, or the declaration of a flag it lacks, permits.
    Governed,
    /// There is no snapshot, and the application declares the flag.
    Free,
    /// The flag stands in local files only.
    Undeclared,
}

/// Returns the variant that an obeyed setting asks for and what it means, or why it is not obeyed.
///
/// Turning a release or experiment flag off for oneself is always obeyed. Turning a flag on needs it to be overridable or open to
/// opting in, and never works for a critical one. Without a snapshot every declared flag that is not critical may be set.
pub(crate) fn permit<'f>(flag: &'f Flag, standing: Standing, value: &LocalValue) -> Result<(&'f str, Effect), Refusal> {
    let variant = variant_of(flag, value)?;
    let unguarded = standing == Standing::Free && !flag.is_critical();
    let open = unguarded || flag.is_overridable() || flag.opt_in() != OptIn::None;
    if variant == flag.off_variant() {
        let own_choice = matches!(flag.kind(), Kind::Release | Kind::Experiment);
        return if own_choice || open { Ok((variant, Effect::Chooses)) } else { Err(Refusal::NotOverridable) };
    }
    if flag.is_critical() {
        return Err(Refusal::Critical);
    }
    match (standing, flag.opt_in()) {
        (Standing::Undeclared, _) => Err(Refusal::NotDeclared),
        (Standing::Free, _) | (_, OptIn::Allowed) => Ok((variant, Effect::Chooses)),
        // Naming a variant is more than opting in, and more than opting in needs more permission.
        (_, OptIn::Required) if flag.is_overridable() && matches!(value, LocalValue::Variant(_)) => {
            Ok((variant, Effect::Chooses))
        }
        (_, OptIn::Required) if flag.on_variant() == Some(variant) => Ok((variant, Effect::OptsIn)),
        (_, OptIn::Required) => Err(Refusal::OptInOnly),
        _ if flag.is_overridable() => Ok((variant, Effect::Chooses)),
        _ => Err(Refusal::NotOverridable),
    }
}

/// The same for a setting of a layer: developers' environment variables are under no permission.
pub(crate) fn permit_from<'f>(
    flag: &'f Flag,
    standing: Standing,
    layer: Layer,
    build: BuildKind,
    value: &LocalValue,
) -> Result<(&'f str, Effect), Refusal> {
    match (layer, build) {
        (Layer::Environment, BuildKind::Development) => {
            variant_of(flag, value).map(|variant| (variant, Effect::Chooses))
        }
        _ => permit(flag, standing, value),
    }
}

/// Returns whether a user may turn a flag on or off.
pub(crate) fn permission(flag: &Flag, standing: Standing, on: bool) -> Permission {
    match permit(flag, standing, &LocalValue::Switch(on)) {
        Ok((_, Effect::OptsIn)) => Permission::OptsIn,
        Ok(_) => Permission::Allowed,
        Err(why) => Permission::Refused(why),
    }
}

/// Returns the variant that a value means for a flag.
pub(crate) fn variant_of<'f>(flag: &'f Flag, value: &LocalValue) -> Result<&'f str, Refusal> {
    let expected = || {
        let variants: Vec<_> = flag.variants().map(|(id, _)| format!("{id:?}")).collect();
        variants.join(", ").into()
    };
    match value {
        LocalValue::Switch(true) => flag.on_variant().ok_or_else(|| Refusal::NoOnVariant { expected: expected() }),
        LocalValue::Switch(false) => Ok(flag.off_variant()),
        LocalValue::Variant(wanted) => {
            let known = flag.variants().map(|(id, _)| id).find(|id| **id == **wanted);
            known.ok_or_else(|| Refusal::NoVariant { variant: wanted.clone(), expected: expected() })
        }
    }
}

/// Reads the text of an environment variable for a flag: a variant's id, else `1`, `0`, `true` or `false` in any case.
pub(crate) fn interpret(flag: &Flag, text: &str) -> LocalValue {
    let is_variant = flag.variants().any(|(id, _)| id == text);
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" if !is_variant => LocalValue::Switch(true),
        "0" | "false" if !is_variant => LocalValue::Switch(false),
        _ => LocalValue::Variant(text.into()),
    }
}

#[cfg(test)]
mod tests {
    use flag_core::Ruleset;

    use super::*;

    /// A flag of three variants, or of two with `true` for on.
    fn ruleset(more: &str) -> Ruleset {
        let json = format!(
            r#"{{"schema":1,"project":"p","environment":"e","epoch":1,"version":1,"issued_at":0,"expires_at":0,"flags":{{
                "switch":{{"variants":{{"on":true,"off":false}},"off_variant":"off","fallthrough":{{"variant":"off"}}{more}}},
                "choice":{{"variants":{{"a":"a","b":"b","c":"c"}},"off_variant":"a","fallthrough":{{"variant":"a"}}{more}}}
            }}}}"#
        );
        Ruleset::from_json(json.as_bytes()).unwrap()
    }

    fn answer(flag: &str, more: &str, standing: Standing, value: impl Into<LocalValue>) -> String {
        let ruleset = ruleset(more);
        let flag = ruleset.flag(flag).unwrap();
        match permit(flag.flag(), standing, &value.into()) {
            Ok((variant, effect)) => format!("{variant} {effect:?}"),
            Err(why) => why.to_string(),
        }
    }

    #[test]
    fn off_for_oneself_is_obeyed_and_on_needs_permission() {
        use Standing::{Free, Governed, Undeclared};
        const CRITICAL: &str = "it is critical, and only its publisher can turn it on";
        const CLOSED: &str = "only its publisher can change it";
        const UNKNOWN: &str = "the application does not know it";
        let table = [
            ("", Governed, CLOSED, "off Chooses"),
            ("", Free, "on Chooses", "off Chooses"),
            ("", Undeclared, UNKNOWN, "off Chooses"),
            (r#","overridable":true"#, Governed, "on Chooses", "off Chooses"),
            (r#","overridable":true"#, Undeclared, UNKNOWN, "off Chooses"),
            (r#","opt_in":"allowed""#, Governed, "on Chooses", "off Chooses"),
            (r#","opt_in":"required""#, Governed, "on OptsIn", "off Chooses"),
            (r#","opt_in":"required""#, Free, "on Chooses", "off Chooses"),
            (r#","opt_in":"required","overridable":true"#, Governed, "on OptsIn", "off Chooses"),
            (r#","critical":true"#, Governed, CRITICAL, "off Chooses"),
            (r#","critical":true"#, Free, CRITICAL, "off Chooses"),
            (r#","critical":true,"overridable":true,"opt_in":"allowed""#, Governed, CRITICAL, "off Chooses"),
            (r#","kind":"experiment""#, Governed, CLOSED, "off Chooses"),
            (r#","kind":"ops""#, Governed, CLOSED, CLOSED),
            (r#","kind":"ops""#, Free, "on Chooses", "off Chooses"),
            (r#","kind":"ops","critical":true"#, Free, CRITICAL, CLOSED),
            (r#","kind":"permission","overridable":true"#, Governed, "on Chooses", "off Chooses"),
            (r#","kind":"kill_switch""#, Governed, CLOSED, CLOSED),
        ];
        for (more, standing, on, off) in table {
            assert_eq!(answer("switch", more, standing, true), on, "on {more} {standing:?}");
            assert_eq!(answer("switch", more, standing, false), off, "off {more} {standing:?}");
        }
    }

    #[test]
    fn a_variant_is_chosen_by_its_id() {
        use Standing::Governed;
        let overridable = r#","overridable":true"#;
        let required = r#","opt_in":"required""#;
        let both = r#","opt_in":"required","overridable":true"#;
        assert_eq!(answer("choice", overridable, Governed, "b"), "b Chooses");
        assert_eq!(answer("choice", overridable, Governed, false), "a Chooses");
        assert_eq!(
            answer("choice", overridable, Governed, true),
            r#"true stands for none of its variants, expected "a", "b", "c""#
        );
        assert_eq!(answer("choice", overridable, Governed, "d"), r#"it has no variant "d", expected "a", "b", "c""#);
        assert_eq!(
            answer("choice", required, Governed, "b"),
            "one can opt in by setting it to true, but not choose a variant"
        );
        assert_eq!(answer("choice", both, Governed, "b"), "b Chooses");
        assert_eq!(answer("switch", required, Governed, "on"), "on OptsIn");
        assert_eq!(answer("switch", both, Governed, "on"), "on Chooses");
    }

    #[test]
    fn a_variable_is_a_variant_first_and_then_a_switch() {
        let json = br#"{"schema":1,"project":"p","environment":"e","epoch":1,"version":1,"issued_at":0,"expires_at":0,"flags":{
            "f":{"variants":{"1":"x","0":"y"},"off_variant":"0","fallthrough":{"variant":"0"}}}}"#;
        let numbers = Ruleset::from_json(json).unwrap();
        let switch = ruleset("");
        let (numbers, switch) = (numbers.flag("f").unwrap(), switch.flag("switch").unwrap());
        assert_eq!(interpret(&numbers, "1"), LocalValue::from("1"));
        assert_eq!(interpret(&numbers, "true"), LocalValue::from(true));
        for (text, on) in [("1", true), ("true", true), ("True", true), ("0", false), ("FALSE", false)] {
            assert_eq!(interpret(&switch, text), LocalValue::from(on), "{text}");
        }
        assert_eq!(interpret(&switch, "on"), LocalValue::from("on"));
        assert_eq!(interpret(&switch, "yes"), LocalValue::from("yes"));
    }
}
