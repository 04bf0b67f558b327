"""A page of Streamlit that says who looks at it."""

import streamlit as st

st.write("hello", st.context.headers.get("Remote-User"))
