//! Reads one file of Rust for everything that may turn out to be a use of a flag.

use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Expr, Lit, LitStr, Pat, Visibility};

/// The longest text that can be a flag's key, in bytes.
const KEY_MAX: usize = flag_core::KEY_MAX_BYTES;
/// Methods and functions that are asked about the flag whose key is their first argument.
const ASKERS: &[&str] = &[
    "decision",
    "disable",
    "enable",
    "explain",
    "is_disabled",
    "is_enabled",
    "is_killed",
    "kill",
    "unkill",
    "variant",
];
/// Functions of `Declaration` that declare the flag whose key is their first argument.
const DECLARERS: &[&str] = &["boolean", "choice", "float", "integer", "text"];
/// Macros whose texts are never flags.
const DEAF_MACROS: &[&str] = &["cfg", "compile_error", "env", "include", "include_bytes", "include_str", "option_env"];
/// The macro that declares flags.
const FLAGS_MACRO: &str = "flags";

/// Everything in a file that may turn out to be a use of a flag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileUses {
    pub(super) found: Vec<Occurrence>,
    /// Constants that go by another name here: the name here, and the real one.
    pub(super) aliases: Vec<(String, String)>,
}

/// One thing found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Occurrence {
    pub(super) what: What,
    /// From 1.
    pub(super) line: usize,
    /// In characters, from 1.
    pub(super) column: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// `const NAME: &str = "VALUE";`, or an entry of the macro that declares flags.
    ConstantMade { name: String, value: String, declared: bool, public: bool },
    /// A constant by its name.
    Constant { name: String, asked: bool },
    /// A text, and whether a flag of that key is asked for or declared.
    Text { value: String, asked: bool, declared: bool },
}

/// Why a file is skipped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct ScanError {
    /// Where it stops to be Rust, from 1.
    pub line: usize,
    /// What the parser says.
    pub message: String,
}

/// Reads a file of Rust.
pub fn scan(text: &str) -> Result<FileUses, ScanError> {
    let parsed = syn::parse_file(text);
    let uses = match &parsed {
        Ok(file) => {
            let mut scanner = Scanner::default();
            scanner.visit_file(file);
            Ok(scanner.uses)
        }
        Err(error) => Err(ScanError { line: error.span().start().line, message: error.to_string() }),
    };
    drop(parsed);
    // Spans keep the text of every file that a thread ever read. None of this file's is left.
    proc_macro2::extra::invalidate_current_thread_spans();
    uses
}

#[derive(Default)]
struct Scanner {
    uses: FileUses,
}

impl Scanner {
    fn note(&mut self, span: Span, what: What) {
        let start = span.start();
        self.uses.found.push(Occurrence { what, line: start.line, column: start.column + 1 });
    }

    fn text(&mut self, text: &LitStr, asked: bool, declared: bool) {
        let value = text.value();
        if is_like_a_key(&value) {
            self.note(text.span(), What::Text { value, asked, declared });
        }
    }

    fn constant(&mut self, name: &Ident, asked: bool) {
        let text = name.to_string();
        if is_constant(&text) {
            self.note(name.span(), What::Constant { name: text, asked });
        }
    }

    fn made(&mut self, name: &Ident, value: &Expr, visibility: &Visibility) {
        match bare(value) {
            Expr::Lit(literal) => {
                if let Lit::Str(text) = &literal.lit {
                    let value = text.value();
                    if is_like_a_key(&value) {
                        self.note(
                            name.span(),
                            What::ConstantMade {
                                name: name.to_string(),
                                value,
                                declared: false,
                                public: !matches!(visibility, Visibility::Inherited),
                            },
                        );
                    }
                }
            }
            other => self.visit_expr(other),
        }
    }

    /// Takes the first argument of something that is asked for a flag, or declares one, and visits the others.
    fn arguments<'e>(&mut self, arguments: impl Iterator<Item = &'e Expr>, asked: bool, declared: bool) {
        for (index, argument) in arguments.enumerate() {
            let asked = asked && index == 0;
            match bare(argument) {
                Expr::Lit(literal) => {
                    if let Lit::Str(text) = &literal.lit {
                        self.text(text, asked, declared && index == 0);
                    }
                }
                Expr::Path(path) => {
                    if let Some(last) = path.path.segments.last() {
                        self.constant(&last.ident, asked);
                    }
                }
                other => self.visit_expr(other),
            }
        }
    }

    /// Reads what stands in a macro, which is not Rust before it is expanded: texts, constants and calls by how they look.
    fn tokens(&mut self, tokens: TokenStream, in_flags: bool) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let before = |index: usize| index.checked_sub(1).and_then(|index| tokens.get(index));
        let mut made = None;
        for (index, token) in tokens.iter().enumerate() {
            match token {
                // In the macro that declares flags, texts are keys only where an entry says so; the others are documentation.
                TokenTree::Literal(_) if in_flags || made == Some(index) => {}
                TokenTree::Literal(literal) => {
                    if let Lit::Str(text) = Lit::new(literal.clone()) {
                        self.text(&text, false, false);
                    }
                }
                TokenTree::Ident(word) if word == "const" || word == "static" => {
                    if let Some((at, name, value)) = constant_made(&tokens, index) {
                        made = Some(at);
                        self.note(
                            name.span(),
                            What::ConstantMade { name: name.to_string(), value, declared: in_flags, public: true },
                        );
                    }
                }
                TokenTree::Ident(_) if is_word(before(index), "const") || is_word(before(index), "static") => {}
                TokenTree::Ident(name) => self.constant(name, false),
                TokenTree::Group(group) => match before(index) {
                    Some(TokenTree::Punct(sign)) if sign.as_char() == '#' => {}
                    Some(TokenTree::Ident(name)) if is_call(group) && ASKERS.contains(&&*name.to_string()) => {
                        self.asked(group.stream());
                    }
                    _ => self.tokens(group.stream(), in_flags),
                },
                TokenTree::Punct(_) => {}
            }
        }
    }

    /// Reads the arguments, in a macro, of something that is asked for a flag.
    fn asked(&mut self, tokens: TokenStream) {
        let mut tokens =
            tokens.into_iter().filter(|token| !matches!(token, TokenTree::Punct(sign) if sign.as_char() == '&'));
        let first: Vec<TokenTree> = tokens
            .by_ref()
            .take_while(|token| !matches!(token, TokenTree::Punct(comma) if comma.as_char() == ','))
            .collect();
        match (first.as_slice(), first.last()) {
            ([TokenTree::Literal(literal)], _) => {
                if let Lit::Str(text) = Lit::new(literal.clone()) {
                    self.text(&text, true, false);
                }
            }
            (path, Some(TokenTree::Ident(name))) if path.iter().all(is_of_a_path) => self.constant(name, true),
            _ => self.tokens(first.into_iter().collect(), false),
        }
        self.tokens(tokens.collect(), false);
    }
}

impl<'a> Visit<'a> for Scanner {
    // A cargo feature, a name on the wire or a line of documentation is no flag.
    fn visit_attribute(&mut self, _: &'a syn::Attribute) {}

    fn visit_item_const(&mut self, item: &'a syn::ItemConst) {
        self.made(&item.ident, &item.expr, &item.vis);
    }

    fn visit_item_static(&mut self, item: &'a syn::ItemStatic) {
        self.made(&item.ident, &item.expr, &item.vis);
    }

    fn visit_impl_item_const(&mut self, item: &'a syn::ImplItemConst) {
        self.made(&item.ident, &item.expr, &item.vis);
    }

    fn visit_use_rename(&mut self, rename: &'a syn::UseRename) {
        self.uses.aliases.push((rename.rename.to_string(), rename.ident.to_string()));
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        self.visit_expr(&call.receiver);
        self.arguments(call.args.iter(), ASKERS.contains(&&*call.method.to_string()), false);
    }

    fn visit_expr_call(&mut self, call: &'a syn::ExprCall) {
        let path: Vec<String> = match bare(&call.func) {
            Expr::Path(path) => path.path.segments.iter().map(|segment| segment.ident.to_string()).collect(),
            other => {
                self.visit_expr(other);
                Vec::new()
            }
        };
        let declared = match path.as_slice() {
            [.., owner, name] => owner == "Declaration" && DECLARERS.contains(&&**name),
            _ => false,
        };
        self.arguments(call.args.iter(), false, declared);
    }

    fn visit_expr_path(&mut self, path: &'a syn::ExprPath) {
        if let Some(last) = path.path.segments.last() {
            self.constant(&last.ident, false);
        }
    }

    fn visit_pat(&mut self, pattern: &'a Pat) {
        if let Pat::Ident(name) = pattern {
            self.constant(&name.ident, false);
        }
        visit::visit_pat(self, pattern);
    }

    fn visit_lit_str(&mut self, text: &'a LitStr) {
        self.text(text, false, false);
    }

    fn visit_macro(&mut self, called: &'a syn::Macro) {
        let name = called.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        if !DEAF_MACROS.contains(&&*name) {
            self.tokens(called.tokens.clone(), name == FLAGS_MACRO);
        }
    }
}

/// Returns an expression without references, brackets and invisible groups around it.
fn bare(expression: &Expr) -> &Expr {
    match expression {
        Expr::Reference(reference) => bare(&reference.expr),
        Expr::Paren(inner) => bare(&inner.expr),
        Expr::Group(inner) => bare(&inner.expr),
        other => other,
    }
}

/// Returns where the text of `const NAME: TYPE = "VALUE"` stands, the name and the value.
fn constant_made(tokens: &[TokenTree], at: usize) -> Option<(usize, &Ident, String)> {
    let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else { return None };
    let ends = |token: &&TokenTree| matches!(token, TokenTree::Punct(sign) if matches!(sign.as_char(), '=' | ';'));
    let length = tokens.iter().skip(at).position(|token| ends(&token))?;
    let value = at + length + 1;
    match tokens.get(value)? {
        TokenTree::Literal(literal) => match Lit::new(literal.clone()) {
            Lit::Str(text) => Some((value, name, text.value())).filter(|(_, _, value)| is_like_a_key(value)),
            _ => None,
        },
        _ => None,
    }
}

fn is_word(token: Option<&TokenTree>, word: &str) -> bool {
    matches!(token, Some(TokenTree::Ident(found)) if found == word)
}

fn is_call(group: &Group) -> bool {
    group.delimiter() == Delimiter::Parenthesis
}

fn is_of_a_path(token: &TokenTree) -> bool {
    match token {
        TokenTree::Ident(_) => true,
        TokenTree::Punct(colon) => colon.as_char() == ':',
        _ => false,
    }
}

fn is_like_a_key(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= KEY_MAX
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

/// Tells whether a name is written as constants are.
fn is_constant(name: &str) -> bool {
    name.contains(|c: char| c.is_ascii_uppercase()) && !name.contains(|c: char| c.is_lowercase())
}
