//! Signatures of Standard Webhooks: `v1`, HMAC-SHA-256 over `{id}.{timestamp}.{body}`.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

const PREFIX: &str = "whsec_";

/// What a webhook is signed with: `whsec_` and 24 to 64 bytes in base64. Printing the value shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

/// A text that is no secret of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the secret is not whsec_ and 24 to 64 bytes in base64")]
pub struct SecretError;

impl WebhookSecret {
    /// Returns the secret that these bytes are, of which there are 24 to 64.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SecretError> {
        if (24..=64).contains(&bytes.len()) { Ok(Self(Zeroizing::new(bytes.to_vec()))) } else { Err(SecretError) }
    }

    /// Returns the text that receivers are given.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{PREFIX}{}", STANDARD.encode(&*self.0)))
    }
}

impl FromStr for WebhookSecret {
    type Err = SecretError;

    fn from_str(text: &str) -> Result<Self, SecretError> {
        let text = text.trim().strip_prefix(PREFIX).ok_or(SecretError)?;
        Self::from_bytes(&Zeroizing::new(STANDARD.decode(text).map_err(|_| SecretError)?))
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

/// Returns the signatures of a message, one for each secret: a receiver that knows the old one or the new one accepts it.
pub fn signatures(secrets: &[WebhookSecret], id: &str, seconds: i64, body: &str) -> String {
    let signed = secrets.iter().filter_map(|WebhookSecret(secret)| {
        // An HMAC takes a key of any length.
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
        mac.update(format!("{id}.{seconds}.{body}").as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    });
    signed.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_standard() {
        let secret: WebhookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signed = signatures(
            std::slice::from_ref(&secret),
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            "{\"test\": 2432232314}",
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let both = signatures(&[secret.clone(), secret], "m", 1, "b");
        assert_eq!(both.split(' ').count(), 2);
    }

    #[test]
    fn secrets_are_of_24_to_64_bytes_and_print_nothing() {
        for (length, is_one) in [(0, false), (23, false), (24, true), (64, true), (65, false)] {
            assert_eq!(WebhookSecret::from_bytes(&vec![7; length]).is_ok(), is_one, "{length}");
        }
        let secret = WebhookSecret::from_bytes(&[7; 24]).unwrap();
        assert_eq!(secret.expose().parse::<WebhookSecret>(), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "WebhookSecret(..)");
        for text in ["", "whsec_", "whsec_!!!!", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
            assert_eq!(text.parse::<WebhookSecret>(), Err(SecretError), "{text}");
        }
    }
}
