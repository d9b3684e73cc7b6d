//! What each product asks of the allocator. In a process of its own, because counting takes time.
#![allow(
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    missing_docs,
    reason = "a benchmark stops at the first surprise"
)]

use std::hint::black_box;

use allocation_counter::measure;
use peers::answers;
use peers::product::{Product, Visit};
use peers::products::{Evaluator, Installation, each};
use peers::results::{Allocations, save_allocations};
use peers::work::{flags, matched, sample};

const FLAGS: usize = 10_000;

struct Count(Vec<(&'static str, Allocations)>);

fn count<P: Product>() -> Allocations {
    answers::check::<P>();
    let product = P::open(&P::document(100));
    let people = matched();
    let contexts: Vec<P::Context<'_>> = people.iter().map(P::context).collect();
    let keys: Vec<String> = flags(100).into_iter().map(|flag| flag.key).collect();
    let per_person = |ask: &dyn Fn(&P::Context<'_>)| {
        // Whatever is made at the first read only is not of one evaluation.
        contexts.iter().for_each(ask);
        measure(|| contexts.iter().for_each(ask)).count_total as f64 / contexts.len() as f64
    };
    let [w1, w2, w3] = sample().map(|flag| {
        per_person(&|context| {
            black_box(product.is_on(black_box(&flag.key), context));
        })
    });
    let w4 = per_person(&|context| {
        black_box(product.count_on(&keys, context));
    });
    let document = P::document(FLAGS);
    let kept = P::IS_LOADED.then(|| {
        let mut ready = None;
        let kept = measure(|| ready = Some(P::load(&document))).bytes_current;
        kept as f64 / FLAGS as f64
    });
    Allocations { evaluations: [w1, w2, w3, w4], kept, document: document.len() as f64 / FLAGS as f64 }
}

/// Counts the client's reads for the installation it runs on.
fn own_reads() -> Allocations {
    let document = Evaluator::document(100);
    let installation = Installation::open(&document, &matched()[0]);
    let [w1, w2, w3] = sample().map(|flag| {
        installation.is_on(&flag.key);
        measure(|| {
            black_box(installation.is_on(black_box(&flag.key)));
        })
        .count_total as f64
    });
    Allocations { evaluations: [w1, w2, w3, 0.0], kept: None, document: document.len() as f64 / 100.0 }
}

impl Visit for Count {
    fn visit<P: Product>(&mut self) {
        self.0.push((P::NAME, count::<P>()));
    }
}

fn main() {
    if std::env::args().any(|argument| argument == "--list" || argument == "--test") {
        return;
    }
    let mut count = Count(Vec::new());
    each(&mut count);
    count.0.insert(1, (Installation::NAME, own_reads()));
    println!("{:<26} {:>28} {:>14} {:>14}", "allocations of", "W1 / W2 / W3 / W4", "kept bytes", "read bytes");
    for (name, found) in &count.0 {
        let evaluations = found.evaluations.map(|count| format!("{count:.1}")).join(" / ");
        let kept = found.kept.map_or_else(|| "-".to_owned(), |kept| format!("{kept:.0}"));
        println!("{name:<26} {evaluations:>28} {kept:>14} {:>14.0}", found.document);
    }
    println!("Bytes are per flag, of {FLAGS} flags.");
    save_allocations(&count.0);
}
