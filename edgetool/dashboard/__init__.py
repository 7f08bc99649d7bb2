"""The dashboard: pages over the runs of a folder, drawn by Streamlit from the values that reports are made from."""
