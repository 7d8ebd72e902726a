print("gkick")
