def test_a_broker_sees_own_application(world, api, django_assert_num_queries):
    client = api(world.ours.broker_user)
    reply = client.get("/api/applications/")
    assert reply.status_code == 200
    assert [row["id"] for row in reply.json()["results"]] == [world.ours.application.pk]
