//! What a user can do where published flags could not be fetched.

use flag_client::trust::{EnvelopeError, TrustError, TrustFileError};
use flag_client::{FetchError, SyncError};

const HOLDS: &str = "what was fetched before still holds";
const TELL_TEAM: &str = "if it lasts, tell caro's team";

/// Returns what to do about an error of `sync`, in a sentence.
pub(super) fn sync_hint(error: &SyncError) -> String {
    match error {
        SyncError::NoRemote | SyncError::NoUrl => {
            "this caro has no place set up to fetch published flags from".to_owned()
        }
        SyncError::LocalOnly => "remote flags are off here, as the configuration says".to_owned(),
        SyncError::PinnedRoot(_) => "this caro does not know whom to trust: install it anew".to_owned(),
        SyncError::Url { .. } | SyncError::Scheme { .. } | SyncError::Insecure { .. } => {
            format!("correct the address that caro is set up to fetch from; {HOLDS}")
        }
        SyncError::Thread(_) => format!("this machine is short of memory or threads; {HOLDS}; try again later"),
        SyncError::TooEarly { until } => format!("{HOLDS}; try again after {until}"),
        SyncError::TimedOut => format!("the network or the server is slow; {HOLDS}; try again later"),
        SyncError::Document { first, .. } => fetch_hint(&first.cause),
        SyncError::Folder { .. } => {
            "what was fetched cannot be kept for the next run; see that the disk has room and you may write there"
                .to_owned()
        }
        SyncError::State(error) => format!("what was fetched cannot be kept for the next run; {}", file_hint(error)),
        _ => format!("{HOLDS}; try again later"),
    }
}

fn fetch_hint(cause: &FetchError) -> String {
    match cause {
        FetchError::Status { status: 401 | 403, .. } => {
            format!("the server does not let this caro in, or no longer; {HOLDS}; {TELL_TEAM}")
        }
        FetchError::Status { status: 429, .. } => {
            format!("this machine or its network asks too often; {HOLDS}; try again later")
        }
        FetchError::Status { status: 500.., .. } => {
            format!("the trouble is the server's, not yours; {HOLDS}; try again later")
        }
        FetchError::Status { .. } => {
            format!("the server, or a proxy on the way, does not answer as it should; {HOLDS}; {TELL_TEAM}")
        }
        FetchError::TooEarly { until } => format!("{HOLDS}; try again after {until}"),
        FetchError::Redirected { .. } => {
            format!("a network that wants you to sign in first does that: open a browser, then try again; {HOLDS}")
        }
        FetchError::Absent => format!("nothing is published there: is the address right? {HOLDS}"),
        FetchError::TooLarge { .. } | FetchError::Encoded { .. } => {
            format!("a proxy on the way may have changed it, or the address is wrong; {HOLDS}")
        }
        FetchError::NoClient | FetchError::Connection(_) => {
            format!("see that this machine is online and the server's name is right; {HOLDS}")
        }
        FetchError::TimedOut => format!("the network or the server is slow; {HOLDS}; try again later"),
        FetchError::Refused(error) => trust_hint(error),
        FetchError::Unreadable(_) => format!("a newer caro may be able to read it; {HOLDS}; {TELL_TEAM}"),
        _ => format!("{HOLDS}; try again later"),
    }
}

fn trust_hint(error: &TrustError) -> String {
    match error {
        TrustError::Envelope { source: EnvelopeError::ContentChanged { .. }, .. } => format!(
            "it was signed, and changed on its way or where it lies: nothing of it was taken over; {HOLDS}; {TELL_TEAM}"
        ),
        TrustError::Envelope { .. } | TrustError::Payload { .. } | TrustError::WrongPayloadType { .. } => format!(
            "that is no document of published flags: a wrong address, or a network that wants you to sign in first, \
             answers so; {HOLDS}"
        ),
        TrustError::Expired { .. } => format!("what is published is too old to be new; {HOLDS}; {TELL_TEAM}"),
        TrustError::RootExpired { .. } | TrustError::UnknownSchema { .. } => {
            format!("update caro: this one is too old for what is published; {HOLDS}")
        }
        TrustError::WrongProject { .. } | TrustError::WrongEnvironment { .. } => {
            format!("that is published for somebody else: correct the address that caro is set up with; {HOLDS}")
        }
        TrustError::RolledBack { .. } => {
            format!("somewhere on the way an old copy is kept; {HOLDS}, and is newer; {TELL_TEAM}")
        }
        _ => format!("do not trust that place for now: nothing of it was taken over; {HOLDS}; tell caro's team"),
    }
}

fn file_hint(error: &TrustFileError) -> String {
    match error {
        TrustFileError::Locked { .. } => "another program holds the file; try again in a moment".to_owned(),
        TrustFileError::Foreign { .. } => {
            "another version of caro, or one with other settings, keeps that file; use that one".to_owned()
        }
        TrustFileError::Io { .. } => "see that the disk has room and you may write there".to_owned(),
        _ => "move what stands there out of the way and try again".to_owned(),
    }
}
