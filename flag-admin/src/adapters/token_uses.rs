//! When tokens were last used, in the tables of either engine.

use std::collections::BTreeMap;

use flag_core::Timestamp;

use super::postgres::PostgresLog;
use super::sqlite::SqliteLog;
use crate::app::ports::{LogError, TokenUses};
use crate::log::TokenId;

/// Takes what stands in a row; one that is no token's is nobody's use.
fn line(token: &str, used_at: i64) -> Option<(TokenId, Timestamp)> {
    Some((token.parse().ok()?, Timestamp::from_millis(used_at)))
}

impl TokenUses for SqliteLog {
    fn uses(&self) -> Result<BTreeMap<TokenId, Timestamp>, LogError> {
        let failed = self.failed("read");
        let mut statement = self.connection.prepare_cached("SELECT token, used_at FROM token_uses").map_err(&failed)?;
        let rows =
            statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))).map_err(&failed)?;
        let rows: Result<Vec<_>, _> = rows.collect();
        Ok(rows.map_err(failed)?.iter().filter_map(|(token, used_at)| line(token, *used_at)).collect())
    }

    fn note_use(&mut self, token: &TokenId, at: Timestamp) -> Result<(), LogError> {
        self.write(|transaction| {
            transaction.execute(
                "INSERT INTO token_uses (token, used_at) VALUES (?1, ?2)
                 ON CONFLICT (token) DO UPDATE SET used_at = max(used_at, excluded.used_at)",
                (token.as_str(), at.as_millis()),
            )
        })
        .map(|_| ())
    }
}

impl TokenUses for PostgresLog {
    fn uses(&self) -> Result<BTreeMap<TokenId, Timestamp>, LogError> {
        let failed = self.failed("read");
        let rows =
            self.client.borrow_mut().query("SELECT token, used_at FROM flag_token_uses", &[]).map_err(&failed)?;
        let row = |row: &postgres::Row| Ok((row.try_get::<_, String>(0)?, row.try_get::<_, i64>(1)?));
        let rows: Result<Vec<_>, postgres::Error> = rows.iter().map(row).collect();
        Ok(rows.map_err(failed)?.iter().filter_map(|(token, used_at)| line(token, *used_at)).collect())
    }

    fn note_use(&mut self, token: &TokenId, at: Timestamp) -> Result<(), LogError> {
        self.client
            .borrow_mut()
            .execute(
                "INSERT INTO flag_token_uses (token, used_at) VALUES ($1, $2)
                 ON CONFLICT (token) DO UPDATE SET used_at = greatest(flag_token_uses.used_at, excluded.used_at)",
                &[&token.as_str(), &at.as_millis()],
            )
            .map(|_| ())
            .map_err(self.failed("written"))
    }
}
