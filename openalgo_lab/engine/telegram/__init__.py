"""The Telegram bot: books, quotes and charts in a chat that was linked by a code, closing with confirmation, alerts."""
