"""What makes a picture accountable: marks, credentials, records, and the policy that rules them."""
