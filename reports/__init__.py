"""What the book says: reports, rollups that are kept as events happen, exports, schedules, dashboards.

May import every other app. Start reading at `registry`, then `selectors.contributions`.
"""
