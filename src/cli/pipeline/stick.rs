//! What a rollback left, and that it is seen to.
use super::{
    super::stored,
    Desk, Exit,
    setup::{self, Setup},
};
use crate::{
    core::{
        State,
        record::Row,
        runs::{Acted, Plan, RunEvent, RunEventKind, held_after, stick::Settled},
    },
    store::{IfMissing, Store},
};

impl Desk<'_> {
    pub(super) fn state(&self, store: &mut dyn Store) -> color_eyre::Result<State> {
        let from = self.setup.clock.now().utc - 30 * crate::core::time::DAY;
        stored::read(self.setup, self.loaded, store, from)
    }

    /// Prints how what was left is taken back on its branch.
    pub(super) fn revert(&self) -> color_eyre::Result<Exit> {
        let mut store = Setup::store(self.loaded, IfMissing::Fail).map_err(|error| error.report())?;
        let state = self.state(store.as_mut())?;
        let Some(notice) = state.runs.notice(&self.id) else {
            setup::warn(&format!("{}: no version was left that could come back", self.id));
            return Ok(Exit::Ok);
        };
        let Some(lines) = notice.revert() else {
            let what = format!("which commit {} is made of is not known", notice.version);
            setup::warn(&format!("{}: {what}: look for it with `qd pipeline status {}`", self.id, self.id));
            return Ok(Exit::Unknown);
        };
        setup::print(&format!("# {}\n{}\n", notice.words(), lines.join("\n")))?;
        Ok(Exit::Ok)
    }

    /// Sets the notice aside.
    pub(super) fn settle(&self) -> color_eyre::Result<Exit> {
        let now = self.setup.clock.now();
        let reason = self.args.meant.leave.reason.as_deref().unwrap_or_default().trim();
        let given = self.gate(now).and_then(|()| {
            let missing = "nothing was done; say why: --reason TEXT".to_owned();
            if reason.is_empty() { Err(missing) } else { Ok(()) }
        });
        if let (Err(missing), false) = (given, self.args.meant.leave.dry_run) {
            setup::warn(&format!("{}: {missing}", self.id));
            return Ok(Exit::Refused);
        }
        let mut store = Setup::store(self.loaded, IfMissing::Fail).map_err(|error| error.report())?;
        let state = self.state(store.as_mut())?;
        let Some(notice) = state.runs.notice(&self.id) else {
            setup::warn(&format!("{}: no version was left that could come back", self.id));
            return Ok(Exit::Ok);
        };
        if self.args.meant.leave.dry_run {
            setup::print(&format!("set aside: {}\nnothing was done\n", notice.words()))?;
            return Ok(Exit::Ok);
        }
        self.note(store.as_mut(), "pipeline.settled", &format!("{}: {reason}", notice.words()))?;
        let how = Settled::SetAside { reason: reason.to_owned() };
        self.happened(store.as_mut(), notice.run.run, RunEventKind::Settled(how))?;
        setup::print(&format!("set aside: {}\n", notice.words()))?;
        Ok(Exit::Ok)
    }

    /// Notes how the pipeline stands with the run that went back, where there is one.
    pub(super) fn noted(&self, store: &mut dyn Store, plan: &Plan, acted: &[Acted]) -> color_eyre::Result<()> {
        let state = self.state(store)?;
        let Some(notice) = state.runs.notice(&self.id) else { return Ok(()) };
        let before = notice.run.hold.clone().unwrap_or_default();
        self.happened(store, notice.run.run, RunEventKind::PipelineHeld(held_after(plan, acted, before)))
    }

    fn happened(&self, store: &mut dyn Store, run: crate::core::id::Uid, kind: RunEventKind) -> color_eyre::Result<()> {
        let event = RunEvent { run, at: self.setup.clock.now().utc, by: self.setup.actor.by.clone(), kind };
        store.commit(&[Row::Run(event)], None).map_err(|error| error.report())?;
        Ok(())
    }
}
