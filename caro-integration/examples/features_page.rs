//! Writes the page on features for users: `cargo run -p caro-integration --example features_page > caro-integration/FEATURES.md`.

use std::io::{self, Write as _};

use caro_integration::user_page;

fn main() -> io::Result<()> {
    let channels =
        ["Discord: #feedback channel", "GitHub: open an issue with the \"feedback\" label", "Email: feedback@caro.sh"];
    io::stdout().write_all(user_page(&channels).as_bytes())
}
