//! Intervals as lines of text.

use super::comparison::Effect;

/// What the ends of a line stand for.
#[derive(Copy, Clone, Debug, PartialEq)]
pub struct Axis {
    /// The value at the left end.
    pub low: f64,
    /// The value at the right end.
    pub high: f64,
    /// How many characters are between them.
    pub width: usize,
}

/// Returns an axis that shows effects, zero and further marks, with some room at both ends.
pub fn axis_of(effects: &[Effect], marks: &[f64], width: usize) -> Axis {
    let ends = effects.iter().flat_map(|effect| [effect.interval.low, effect.interval.high, effect.value]);
    let all = ends.chain(marks.iter().copied()).chain([0.0]).filter(|value| value.is_finite());
    let (low, high) = all.fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    let room = if high > low { (high - low) * 0.08 } else { 1.0 };
    Axis { low: low - room, high: high + room, width: width.max(3) }
}

impl Axis {
    /// Returns the place of a value, at an end if it lies beyond.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place within a line of text"
    )]
    fn place(&self, value: f64) -> usize {
        let last = self.width.saturating_sub(1);
        let part = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        if part.is_nan() { 0 } else { (part * last as f64).round() as usize }
    }
}

/// Returns an effect as a line: its interval, the best guess in it, zero and the given marks behind it.
pub fn interval_line(axis: Axis, effect: &Effect, marks: &[f64]) -> String {
    let mut line = vec![' '; axis.width];
    let mut put = |value: f64, letter: char| {
        if let Some(place) = line.get_mut(axis.place(value)) {
            *place = letter;
        }
    };
    for mark in marks {
        put(*mark, '┊');
    }
    put(0.0, '│');
    let (from, to) = (axis.place(effect.interval.low), axis.place(effect.interval.high));
    for (place, letter) in line.iter_mut().enumerate().skip(from).take((to + 1).saturating_sub(from)) {
        *letter = match place {
            _ if place == from && effect.interval.low >= axis.low => '├',
            _ if place == to && effect.interval.high <= axis.high => '┤',
            _ => '─',
        };
    }
    if let Some(place) = line.get_mut(axis.place(effect.value)) {
        *place = '●';
    }
    line.into_iter().collect::<String>().trim_end().to_owned()
}

/// Returns the line below: zero, and the marks, by name where there is room.
pub fn scale_line(axis: Axis, marks: &[(f64, String)]) -> String {
    let mut line = vec![' '; axis.width];
    let zero = (0.0, "0".to_owned());
    for (value, name) in [zero].iter().chain(marks) {
        let letters: Vec<char> = name.chars().collect();
        let from = axis.place(*value).saturating_sub(letters.len() / 2).min(axis.width.saturating_sub(letters.len()));
        let to = from + letters.len();
        let is_free = |at: usize| line.get(at).is_none_or(|letter| *letter == ' ');
        if (from.saturating_sub(1)..=to).all(is_free) {
            line.iter_mut().skip(from).zip(letters).for_each(|(place, letter)| *place = letter);
        }
    }
    line.into_iter().collect::<String>().trim_end().to_owned()
}
