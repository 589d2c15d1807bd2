"""Whether a message is work for the big model or conversation, and how sure that is. Under a millisecond, in memory."""
