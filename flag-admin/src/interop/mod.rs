//! Other products' files (pure). Nothing is guessed: what cannot be said in our words is refused by name.

pub mod flagd;
