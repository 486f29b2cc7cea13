"""The audit log: what was decided, in a chain of records that shows every later change."""
