//! The text of a token: `flagadmin_<role>_<id>_<secret>_<check>`.
//!
//! The prefix lets scanners of repositories find tokens that leaked, underscores let a double click select one whole, and the check tells a
//! token from a text that looks like one without asking anybody.

use std::fmt;

use zeroize::Zeroizing;

use crate::log::{Digest, Role, TOKEN_ID_LENGTH, TokenId};

const PREFIX: &str = "flagadmin";
const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
/// How many digits 32 bytes take: the least whose power of 62 exceeds 2²⁵⁶.
const SECRET_LENGTH: usize = 43;
/// How many digits 32 bits take.
const CHECK_LENGTH: usize = 6;
/// Separates these hashes from all others, of whatever text.
const CONTEXT: &str = "flag-admin 2026-11 token secret";

/// A token's whole text. Printing the value shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret(Zeroizing<String>);

impl TokenSecret {
    /// Returns the text, which is shown once.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(..)")
    }
}

/// A token as somebody presents it: well formed, and proved by nothing.
pub(super) struct Presented {
    pub(super) id: TokenId,
    pub(super) secret: Digest,
}

/// Makes a token of random bytes. Returns its text, its id and the hash of its secret.
pub(super) fn compose(role: Option<Role>, id: &[u8], secret: &[u8; 32]) -> Option<(TokenSecret, TokenId, Digest)> {
    let id: TokenId = base62(id, TOKEN_ID_LENGTH).parse().ok()?;
    let secret = Zeroizing::new(base62(secret, SECRET_LENGTH));
    let body = Zeroizing::new(format!("{PREFIX}_{}_{id}_{}", word(role), *secret));
    let check = base62(&crc32(body.as_bytes()).to_be_bytes(), CHECK_LENGTH);
    Some((TokenSecret(Zeroizing::new(format!("{}_{check}", *body))), id, hash(&secret)))
}

/// Takes a token apart; none if it is no token at all.
pub(super) fn parse(text: &str) -> Option<Presented> {
    let (body, check) = text.rsplit_once('_')?;
    let mut parts = body.splitn(4, '_');
    let (prefix, _role, id, secret) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_whole = prefix == PREFIX
        && secret.len() == SECRET_LENGTH
        && secret.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && check == base62(&crc32(body.as_bytes()).to_be_bytes(), CHECK_LENGTH);
    is_whole.then(|| Some(Presented { id: id.parse().ok()?, secret: hash(secret) }))?
}

fn hash(secret: &str) -> Digest {
    Digest::from_bytes(blake3::derive_key(CONTEXT, secret.as_bytes()))
}

const fn word(role: Option<Role>) -> &'static str {
    match role {
        Some(Role::ReleaseManager) => "manager",
        Some(Role::EngineeringLead) => "lead",
        Some(Role::Engineer) => "engineer",
        Some(Role::EmergencyResponder) => "responder",
        None => "reader",
    }
}

/// Writes bytes as one big-endian number of so many digits to the base of 62, the last ones where there are more.
fn base62(bytes: &[u8], length: usize) -> String {
    let mut number = Zeroizing::new(bytes.to_vec());
    let mut digits = Vec::with_capacity(length);
    for _ in 0..length {
        let mut rest = 0_u16;
        for byte in number.iter_mut() {
            let part = rest << 8 | u16::from(*byte);
            *byte = u8::try_from(part / 62).unwrap_or(u8::MAX);
            rest = part % 62;
        }
        digits.push(DIGITS.get(usize::from(rest)).map_or('0', |digit| char::from(*digit)));
    }
    digits.iter().rev().collect()
}

/// The CRC-32 of ISO 3309, which Ethernet and zip use.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 & 0_u32.wrapping_sub(crc & 1)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_is_the_common_crc() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(base62(&[0, 0, 0, 61], 6), "00000z");
        assert_eq!(base62(&[0, 0, 0, 62], 6), "000010");
        assert_eq!(base62(&[0xff; 4], 6), "4gfFC3");
    }

    #[test]
    fn a_token_reads_back_and_a_changed_one_does_not() {
        for role in Role::ALL.into_iter().map(Some).chain([None]) {
            let (text, id, secret) = compose(role, &[7; 9], &[0xab; 32]).unwrap();
            assert!(text.expose().starts_with(&format!("flagadmin_{}_{id}_", word(role))), "{}", text.expose());
            let read = parse(text.expose()).unwrap();
            assert_eq!((read.id, read.secret), (id, secret));
            for place in 0..text.expose().len() {
                let mut bytes = text.expose().as_bytes().to_vec();
                bytes[place] = if bytes[place] == b'x' { b'y' } else { b'x' };
                assert!(parse(std::str::from_utf8(&bytes).unwrap()).is_none(), "{place}");
            }
        }
        for text in ["", "_", "____", "flagadmin_lead_x_y_z", "Bearer x", &"_".repeat(100)] {
            assert!(parse(text).is_none(), "{text}");
        }
        assert_eq!(format!("{:?}", compose(None, &[1; 9], &[2; 32]).unwrap().0), "TokenSecret(..)");
    }
}
