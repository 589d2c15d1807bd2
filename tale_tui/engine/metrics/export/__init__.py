"""What is counted, as other systems read it: Prometheus asks for it, an OpenTelemetry collector is sent it."""
