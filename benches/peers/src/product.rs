//! How a product is asked for its decisions.

use crate::work::Person;

/// A product that decides flags.
///
/// What its program does once, when it starts or when it gets a new configuration, is apart from what it does for each decision.
pub trait Product: Sized + Send + Sync {
    /// What tables call it.
    const NAME: &'static str;
    /// The package whose version stands beside the name; none for our own.
    const PACKAGE: Option<&'static str>;
    /// What is not equal to what the others do, in one line.
    const UNEQUAL: &'static str;
    /// Whether what it takes to be ready is measured.
    const IS_LOADED: bool = true;

    /// A configuration that is ready to decide.
    type Ready: Send;
    /// A person as the product wants them described.
    type Context<'p>: Sync;

    /// Returns the workload of this many flags in the product's own form.
    fn document(flags: usize) -> Vec<u8>;

    /// Returns what is ready to decide.
    fn load(document: &[u8]) -> Self::Ready;

    /// Returns the product as a program holds it.
    fn open(document: &[u8]) -> Self;

    /// Describes a person with all that is known of them.
    fn context(person: &Person) -> Self::Context<'_>;

    /// Describes a person of whom the id alone is known.
    fn context_of_id(id: &str) -> Self::Context<'_>;

    /// Tells whether a flag is on for somebody.
    fn is_on(&self, key: &str, context: &Self::Context<'_>) -> bool;

    /// Returns how many of these flags are on for somebody, by the fastest way that the product has: all keys are all its flags.
    fn count_on(&self, keys: &[String], context: &Self::Context<'_>) -> usize {
        keys.iter().filter(|key| self.is_on(key, context)).count()
    }
}

/// A product that holds its configuration where another can take its place while others read.
pub trait Held: Product {
    /// A configuration as it is handed over, prepared as far as the product lets it be.
    type Next: Sync;

    /// Prepares a configuration to replace the one in force.
    fn prepare(document: &[u8]) -> Self::Next;

    /// Puts a configuration in force, as the product's own client does it.
    fn replace(&self, next: &Self::Next);
}

/// Something to do with each product.
pub trait Visit {
    /// Does it.
    fn visit<P: Product>(&mut self);
}

/// Something to do with each product that can replace its configuration.
pub trait VisitHeld {
    /// Does it.
    fn visit<P: Held>(&mut self);
}
