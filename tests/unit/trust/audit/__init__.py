"""The audit log, part by part."""
