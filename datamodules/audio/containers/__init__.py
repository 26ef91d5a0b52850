"""Container formats whose headers state wrong lengths: repair, chains and joined files."""
