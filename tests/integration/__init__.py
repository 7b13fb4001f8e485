"""Over HTTP and WebSocket, through the whole application."""
