//! `qd keys`: the keys as they are bound, from the same list as help and palette.
use serde_json::json;

use super::{
    Common, Exit,
    setup::{self, Setup},
};
use crate::core::action::ACTIONS;

pub(super) fn run(common: &Common) -> color_eyre::Result<Exit> {
    let setup = Setup::new()?;
    // Without a configuration the keys that come with the program are as good an answer.
    let keymap = setup.config(common).map(|loaded| loaded.settings.keymap).unwrap_or_default();
    let keys = |id: &str| keymap.keys_of(id).iter().map(ToString::to_string).collect::<Vec<_>>();
    if common.json {
        let data = ACTIONS
            .iter()
            .map(|entry| {
                json!({ "action": entry.id, "keys": keys(entry.id), "scope": entry.scope, "danger": entry.danger, "words": entry.words })
            })
            .collect();
        setup::print_json("qd.keys/1", setup.clock.as_ref(), data)?;
    } else {
        let mut rows = vec![["KEY", "ACTION", "WHERE", "WHAT"].map(str::to_owned).to_vec()];
        for entry in ACTIONS {
            rows.push(vec![keys(entry.id).join(" "), entry.id.into(), entry.scope.name().into(), entry.words.into()]);
        }
        setup::print(&setup::table(&rows))?;
    }
    Ok(Exit::Ok)
}
