"""Pictures of what `leaderboards.figures` computes, by matplotlib, without a display."""
