//! Personal data in what is published.

use std::net::IpAddr;

use flag_core::wire::{Condition, Operator};
use flag_core::{UNIT_ATTRIBUTE, Value};

use super::finding::Collector;
use super::rule::LintRule;

/// Attributes that are personal data by their name: whole names, and last parts of dotted ones.
const PERSONAL: &[&str] = &[
    "address",
    "birth_date",
    "birthdate",
    "birthday",
    "date_of_birth",
    "e_mail",
    "email",
    "email_address",
    "family_name",
    "first_name",
    "full_name",
    "given_name",
    "home_dir",
    "hostname",
    "iban",
    "ip",
    "ip_address",
    "last_name",
    "mac_address",
    "mail",
    "passport",
    "phone",
    "phone_number",
    "remote_addr",
    "social_security_number",
    "ssn",
    "street",
    "surname",
    "tax_id",
    "user_name",
    "username",
];

pub(super) fn check(collector: &mut Collector<'_>) {
    let definitions = collector.definitions;
    for (key, definition) in definitions.flags.iter() {
        name(collector, key, "", "key", key);
        for (id, value) in definition.flag.variants.iter() {
            name(collector, key, "variants", "variant", id);
            if let Some(what) = in_value(value) {
                let message = format!("the value of the variant {id:?} holds {what}");
                collector.flag(LintRule::PiiInValue, key, &format!("variants.{id}"), message);
            }
        }
        for (index, rule) in definition.flag.rules.iter().enumerate() {
            name(collector, key, &format!("rules[{index}].id"), "rule", &rule.id);
            let within = format!("rules[{index}].when");
            for (lint_rule, message) in in_condition(&rule.when) {
                collector.flag(lint_rule, key, &within, format!("rule {:?}: {message}", rule.id));
            }
        }
    }
    for (segment, condition) in definitions.segments.iter() {
        if let Some(what) = in_text(segment) {
            collector.other(LintRule::PiiInName, "segments", segment, format!("the name of a segment holds {what}"));
        }
        for (rule, message) in in_condition(condition) {
            collector.other(rule, "segments", segment, format!("segment {segment:?}: {message}"));
        }
    }
    for (group, _) in definitions.groups.iter() {
        if let Some(what) = in_text(group) {
            collector.other(LintRule::PiiInName, "groups", group, format!("the name of a group holds {what}"));
        }
    }
}

fn name(collector: &mut Collector<'_>, flag: &str, within: &str, what: &str, name: &str) {
    if let Some(found) = in_text(name) {
        collector.flag(LintRule::PiiInName, flag, within, format!("the name of a {what} holds {found}"));
    }
}

/// Returns what is personal in a condition, without ever repeating it.
fn in_condition(condition: &Condition) -> Vec<(LintRule, String)> {
    let mut found = Vec::new();
    let parts = condition.all.iter().chain(&condition.any).flatten().chain(condition.not.as_deref());
    for part in parts {
        found.extend(in_condition(part));
    }
    let Some(attribute) = condition.attribute.as_deref() else { return found };
    let last = attribute.rsplit('.').next().unwrap_or(attribute).to_lowercase().replace('-', "_");
    if PERSONAL.contains(&&*last) {
        found.push((LintRule::PiiInAttribute, format!("the attribute {attribute:?} is personal data")));
    }
    let values = condition.values.as_deref().unwrap_or_default();
    let is_equality = matches!(condition.operator, Some(Operator::Equals | Operator::In));
    if attribute == UNIT_ATTRIBUTE && is_equality {
        found.push((LintRule::PiiInValue, format!("the attribute {attribute:?} is held against ids of single units")));
    } else if let Some(what) = values.iter().find_map(in_value) {
        found.push((LintRule::PiiInValue, format!("a value that {attribute:?} is held against is {what}")));
    }
    found
}

fn in_value(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(text) => in_text(text),
        Value::List(items) => items.iter().find_map(in_value),
        Value::Object(object) => object.fields().find_map(|(name, value)| in_text(name).or_else(|| in_value(value))),
        _ => None,
    }
}

/// Returns what kind of personal data a text holds.
fn in_text(text: &str) -> Option<&'static str> {
    if text.split(|c: char| c.is_whitespace() || "<>()[]\"',;:".contains(c)).any(is_email) {
        return Some("an e-mail address");
    }
    if is_single_address(text.trim()) {
        return Some("a single IP address");
    }
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let only_number = text.chars().all(|c| c.is_ascii_digit() || " -+().".contains(c));
    if only_number && (13..=19).contains(&digits.len()) && !text.contains(['.', '+']) && passes_luhn(&digits) {
        return Some("a payment card number");
    }
    (only_number && text.trim_start().starts_with('+') && (8..=15).contains(&digits.len()))
        .then_some("a telephone number")
}

fn is_email(word: &str) -> bool {
    let Some((local, domain)) = word.split_once('@') else { return false };
    let is_local = |c: char| c.is_alphanumeric() || ".!#$%&'*+/=?^_`{|}~-".contains(c);
    let labels = |domain: &str| {
        domain.split('.').all(|label| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-'))
    };
    !local.is_empty() && local.chars().all(is_local) && domain.contains('.') && labels(domain)
}

/// Tells whether a text is the address of one machine out there. Loopback, unspecified and documentation addresses are nobody's.
fn is_single_address(text: &str) -> bool {
    match text.parse() {
        Ok(IpAddr::V4(address)) => {
            !(address.is_loopback() || address.is_unspecified() || address.is_documentation() || address.is_broadcast())
        }
        Ok(IpAddr::V6(address)) => !(address.is_loopback() || address.is_unspecified()),
        Err(_) => false,
    }
}

/// Checks a number's last digit (ISO/IEC 7812-1, annex B).
fn passes_luhn(digits: &[u32]) -> bool {
    let doubled = |(place, digit): (usize, &u32)| match (place % 2, digit * 2) {
        (0, _) => *digit,
        (_, doubled) if doubled > 9 => doubled - 9,
        (_, doubled) => doubled,
    };
    digits.iter().rev().enumerate().map(doubled).sum::<u32>() % 10 == 0
}
