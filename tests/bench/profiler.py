def arguments(f): return ()
