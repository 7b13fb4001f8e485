"""Notes on applications; files, letters and signatures will join them here.

May import `applications` and everything below it. Start reading at `models`, then `services`.
"""
