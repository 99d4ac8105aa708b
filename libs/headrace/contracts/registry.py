"""Every message type by name: the table of contents of the wire language."""

from __future__ import annotations

from headrace.contracts import (
    commands,
    control_commands,
    definitions,
    dispatch_commands,
    dispatch_events,
    io_accounts,
    journal,
    log_lines,
    positions,
    references,
    reports,
    retry,
    schedule_commands,
    schedule_events,
    task_rules,
    wait_commands,
)
from headrace.contracts.events import ALL_EVENTS
from headrace.contracts.message import Message
from headrace.contracts.resource_commands import DeclareResource

COMMANDS: tuple[type[Message], ...] = (
    commands.StartWorkflow,
    commands.CompleteTask,
    commands.FailTask,
    commands.CancelWorkflow,
    commands.TerminateWorkflow,
    control_commands.PauseWorkflow,
    control_commands.ResumeWorkflow,
    control_commands.MigrateWorkflow,
    control_commands.RetryWorkflow,
    wait_commands.SignalWorkflow,
    wait_commands.CompleteCallback,
    wait_commands.FailCallback,
    wait_commands.HeartbeatCallback,
    schedule_commands.SetSchedule,
    schedule_commands.DeleteSchedule,
    schedule_commands.PauseSchedule,
    schedule_commands.ResumeSchedule,
    schedule_commands.TriggerSchedule,
    schedule_commands.BackfillSchedule,
)
REPORTS: tuple[type[Message], ...] = (reports.WorkerHello, reports.WorkerHeartbeat, reports.WorkerGoodbye)
OTHERS: tuple[type[Message], ...] = (
    DeclareResource,
    dispatch_commands.SetCanary,
    journal.JournalRecord,
    journal.EpochStarted,
    journal.Checkpoint,
    definitions.Definition,
    definitions.DefinitionLatest,
    definitions.NamespaceSettings,
    positions.ReaderPosition,
    positions.ListenerState,
    log_lines.LogLine,
    io_accounts.IoOutOfRange,
    io_accounts.IoRange,
    io_accounts.IoRun,
)
PARTS: tuple[type[Message], ...] = (
    journal.InputPosition,
    journal.MarkedInput,
    references.ParentRef,
    references.LeaseHolder,
    references.RetriedRun,
    reports.QueueOffer,
    reports.FinishedAssignment,
    reports.AttemptNote,
    reports.Gauge,
    dispatch_events.AttemptNotes,
    retry.RetryPolicy,
    schedule_events.ScheduleSpec,
    task_rules.TaskLimit,
    task_rules.TaskRules,
    io_accounts.DatasetIo,
    io_accounts.TaskIo,
    io_accounts.IoSum,
)
MESSAGE_TYPES: dict[str, type[Message]] = {
    message.type_name(): message for message in (*COMMANDS, *REPORTS, *ALL_EVENTS, *OTHERS, *PARTS)
}
