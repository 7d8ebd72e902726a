from gkick import App

app = App()


@app.job(name="noop")
def noop() -> None:
    pass
