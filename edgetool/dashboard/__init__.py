"""Show the runs of a folder as pages. Streamlit draws them from the same values as the reports."""
